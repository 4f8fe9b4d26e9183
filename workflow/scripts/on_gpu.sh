#!/usr/bin/env bash
# Run a command on GPUs of this machine that no other job holds; wait until there are some.
#
#     on_gpu.sh NUMBER COMMAND [ARGUMENT]...
#
# NUMBER is 0 or 1; with 0 the command sees no GPU. Snakemake counts GPUs but does not say which; a
# lock for each, held until the command ends however it ends, does. The GPUs are those of
# CUDA_VISIBLE_DEVICES, or all; one that is named three times (0,0,0) runs three commands at once.
# In a job of a cluster, which has chosen already, and where there is no GPU, the command just runs.
set -euo pipefail
shopt -s nullglob

number=$1
shift
if [ "$number" = 0 ]; then
    export CUDA_VISIBLE_DEVICES=
    exec "$@"
fi
[ -z "${SLURM_JOB_ID-}${PBS_JOBID-}${LSB_JOBID-}${SGE_TASK_ID-}" ] || exec "$@"
if [ -n "${CUDA_VISIBLE_DEVICES+set}" ]; then
    IFS=, read -ra gpus <<<"$CUDA_VISIBLE_DEVICES"
    [ "${gpus[0]-}" != -1 ] || gpus=() # the usual way to hide them
else
    gpus=(/dev/nvidia[0-9]*)
    gpus=("${!gpus[@]}") # CUDA counts those it sees from 0
fi
[ ${#gpus[@]} -gt 0 ] || exec "$@"

locks=${TMPDIR:-/tmp}/fist-gpus-$(id -u)
mkdir -p "$locks"
while true; do
    declare -A named=()
    for gpu in "${gpus[@]}"; do
        named[$gpu]=$((${named[$gpu]-0} + 1))
        exec {lock}>"$locks/${gpu//\//_}.${named[$gpu]}" # a part of a GPU has slashes in its name
        if flock --nonblock "$lock"; then
            export CUDA_VISIBLE_DEVICES=$gpu
            exec "$@" # the lock goes with the command: it inherits the open file
        fi
        exec {lock}>&-
    done
    sleep 1
done
