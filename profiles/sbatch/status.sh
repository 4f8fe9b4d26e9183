#!/usr/bin/env bash
# Say how a Slurm job stands, in Snakemake's words: running, success or failed.
#     status.sh JOB
# squeue knows the jobs of the last minutes, sacct (where there is accounting) the others.
state=$(squeue --noheader --states=all --jobs="$1" --format=%T 2>/dev/null)
[ -n "$state" ] || state=$(sacct --noheader --allocations --jobs="$1" --format=State 2>/dev/null)
read -r state _ <<<"$state"
case ${state%+} in
    COMPLETED) echo success ;;
    BOOT_FAIL | CANCELLED | DEADLINE | FAILED | NODE_FAIL | OUT_OF_MEMORY | PREEMPTED | REVOKED | TIMEOUT)
        echo failed ;;
    *) echo running ;; # also where the controller does not answer: it is asked again
esac
