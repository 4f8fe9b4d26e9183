#!/usr/bin/env bash
# Start a real Slurm on this one machine: two virtual nodes, one pretended GPU on each. No systemd,
# no cgroups, no database. Needs root; where Slurm is missing, Debian's packages are installed.
#
#     start_slurm.sh [FOLDER]
#
# Everything but links in /etc/slurm stays in FOLDER. Exits with 77, and a line that says why, where
# a Slurm of our own cannot be had.
set -euo pipefail

folder=$(realpath -m "${1:-${TMPDIR:-/tmp}/fist-slurm}")
here=$(cd "$(dirname "$0")" && pwd)
port=16810
nodes=(n1 n2)

cannot() {
    echo "no Slurm for the tests: $1" >&2
    exit 77
}

[ "$(uname -s)" = Linux ] || cannot "this is $(uname -s), not Linux"
[ "$(id -u)" = 0 ] || cannot "starting one takes root"
if [ -e /etc/slurm/slurm.conf ] && [ "$(readlink /etc/slurm/slurm.conf)" != "$folder/slurm.conf" ]; then
    cannot "/etc/slurm/slurm.conf is there already; this machine's own Slurm is left alone"
fi
if ! { command -v slurmctld && command -v slurmd && command -v munged; } >/dev/null; then
    command -v apt-get >/dev/null || cannot "it is not installed, and there is no apt-get"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1 ||
        cannot "apt-get could not install slurm-wlm and munge"
fi

"$here/stop_slurm.sh" "$folder"
rm -rf "$folder"
mkdir -p "$folder/controller" /etc/slurm

# Messages are signed with a key of our own, by a daemon of our own.
(umask 077 && head -c 1024 /dev/urandom >"$folder/munge.key")
munged --force --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
    --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"

host=$(hostname -s)
cores=2 # of each node, whatever this machine has
megabytes=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.8)}' /proc/meminfo)
{
    cat <<CONF
ClusterName=fist
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/controller
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmdLogFile=$folder/slurmd.%n.log
SlurmdSpoolDir=$folder/spool.%n
SlurmdParameters=config_overrides
# Neither cgroups nor binding to cores: both want more than a container offers.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
# No accounting: squeue remembers finished jobs instead, for an hour.
AccountingStorageType=accounting_storage/none
MinJobAge=3600
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=1,sched_min_interval=0,batch_sched_delay=0
# From SIGTERM to SIGKILL, in seconds; Slurm's own default is 30.
KillWait=10
# A node that is set down stays so until it is resumed.
ReturnToService=0
GresTypes=gpu
PartitionName=tests Nodes=ALL Default=YES State=UP DefaultTime=10 MaxTime=INFINITE DefMemPerCPU=500
CONF
    for node in "${nodes[@]}"; do
        port=$((port + 1))
        echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$port CPUs=$cores" \
            "Sockets=1 CoresPerSocket=$cores ThreadsPerCore=1 RealMemory=$megabytes Gres=gpu:1"
    done
} >"$folder/slurm.conf"
# Slurm counts these GPUs and sets CUDA_VISIBLE_DEVICES; nobody opens the device.
for node in "${nodes[@]}"; do
    echo "NodeName=$node Name=gpu File=/dev/null"
done >"$folder/gres.conf"
release=$(slurmd -V | grep -oE '[0-9]+\.[0-9]+' | head -1)
if [ "$(printf '%s\n' "$release" 23.11 | sort -V | head -1)" = 23.11 ]; then
    echo "CgroupPlugin=disabled"
else
    echo "CgroupPlugin=cgroup/v1" # the oldest that can be named; loaded, not used
fi >"$folder/cgroup.conf"

# Snakemake's plugin takes SLURM_CONF out of the jobs' environment: only this place is left.
for name in slurm gres cgroup; do
    ln -sfn "$folder/$name.conf" "/etc/slurm/$name.conf"
done

slurmctld -c
for node in "${nodes[@]}"; do
    mkdir -p "$folder/spool.$node"
    slurmd -N "$node"
done
for _ in $(seq 300); do
    idle=$(sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | sort -u | wc -l)
    [ "$idle" = "${#nodes[@]}" ] && break
    sleep 0.1
done
if [ "$idle" != "${#nodes[@]}" ]; then
    echo "Slurm's nodes did not come up, see the logs in $folder" >&2
    "$here/stop_slurm.sh" "$folder"
    exit 1
fi
sinfo --Node --format='%N %t %c %m %G'
