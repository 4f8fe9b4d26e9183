#!/usr/bin/env bash
# Say how a PBS job stands, in Snakemake's words: running, success or failed.
#     status.sh JOB
# -x: finished jobs too, for as long as the server keeps their history (job_history_enable).
report=$(qstat -x -f "$1" 2>/dev/null)
state=$(sed -n 's/^ *job_state = //p' <<<"$report")
code=$(sed -n 's/^ *Exit_status = //p' <<<"$report")
case $state in
    F | X) [ "$code" = 0 ] && echo success || echo failed ;;
    *) echo running ;;
esac
