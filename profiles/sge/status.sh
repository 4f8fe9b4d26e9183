#!/usr/bin/env bash
# Say how a Grid Engine job stands, in Snakemake's words: running, success or failed.
#     status.sh JOB
# qstat knows the jobs that have not ended, qacct the others, some seconds after their end.
if qstat -j "$1" >/dev/null 2>&1; then
    echo running
    exit
fi
report=$(qacct -j "$1" 2>/dev/null | awk '$1 == "failed" || $1 == "exit_status" {print $1, $2}')
case $report in
    *"failed 0"*"exit_status 0"*) echo success ;;
    "") echo running ;; # not yet in the accounting file
    *) echo failed ;;
esac
