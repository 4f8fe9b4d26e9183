#!/usr/bin/env bash
# Stop what start_slurm.sh has started in a folder: its daemons, by their process ids, and their jobs.
#
#     stop_slurm.sh [FOLDER]
set -uo pipefail

folder=$(realpath -m "${1:-${TMPDIR:-/tmp}/fist-slurm}")

stop() {
    local pid
    [ -s "$1" ] || return 0
    pid=$(<"$1")
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
}

if [ -s "$folder/slurmctld.pid" ] && [ "$(readlink /etc/slurm/slurm.conf)" = "$folder/slurm.conf" ]; then
    timeout 10 scancel --partition=tests 2>/dev/null
    for _ in $(seq 100); do # the nodes must be there to end their jobs
        [ -z "$(timeout 10 squeue --noheader 2>/dev/null)" ] && break
        sleep 0.1
    done
fi
for pid_file in "$folder"/slurmd.*.pid "$folder/slurmctld.pid" "$folder/munged.pid"; do
    stop "$pid_file"
done
for name in slurm gres cgroup; do
    [ "$(readlink "/etc/slurm/$name.conf")" = "$folder/$name.conf" ] && rm "/etc/slurm/$name.conf"
done
exit 0
