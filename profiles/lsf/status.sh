#!/usr/bin/env bash
# Say how an LSF job stands, in Snakemake's words: running, success or failed.
#     status.sh JOB
# bjobs knows finished jobs for CLEAN_PERIOD seconds, an hour unless the cluster says otherwise.
read -r state <<<"$(bjobs -noheader -o stat "$1" 2>/dev/null)"
case $state in
    DONE) echo success ;;
    EXIT | ZOMBI) echo failed ;;
    *) echo running ;; # also where LSF does not answer: it is asked again
esac
