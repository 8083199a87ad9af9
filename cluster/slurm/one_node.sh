#!/bin/bash
# A SLURM of one node on this machine, to try the scripts beside this one: not for a cluster. As root, on Debian:
#   one_node.sh start FOLDER [SLOTS]   slurmctld, slurmd and munge with their files there, SLOTS jobs at once; prints
#                                      the export that the commands need
#   one_node.sh stop FOLDER
set -euo pipefail
folder=$2
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
ended() { [ ! -e "$1" ] || { kill -TERM "$(cat "$1")" 2>/dev/null || true; }; }

case $1 in
start)
    if ! command -v slurmctld slurmd munged > /dev/null; then
        (apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends slurmctld slurmd slurm-client munge) >&2
    fi
    mkdir -p "$folder"/{state,spool,munge}
    folder=$(cd "$folder" && pwd)
    chown munge: "$folder/munge"
    (umask 077 && head -c 1024 /dev/urandom > "$folder/munge/key" && chown munge: "$folder/munge/key")
    chmod 711 "$folder" && chmod 755 "$folder/munge"
    cd /
    runuser -u munge -- munged --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
        --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" >&2
    host=$(hostname -s)
    # A requeued job may start again as soon as its credential has expired: after 2 minutes by default.
    cat > "$folder/slurm.conf" <<END
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free)
SlurmdPort=$(free)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=10
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=30
NodeName=$host NodeAddr=127.0.0.1 CPUs=${3:-4} RealMemory=16000 State=UNKNOWN
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE State=UP
END
    export SLURM_CONF=$folder/slurm.conf
    slurmctld -f "$SLURM_CONF" >&2
    slurmd -f "$SLURM_CONF" >&2
    for _ in $(seq 60); do
        if [ "$(sinfo --noheader --format=%T 2>/dev/null)" = idle ]; then
            echo "export SLURM_CONF=$SLURM_CONF"
            exit 0
        fi
        sleep 1
    done
    echo "the node did not become idle: $folder/slurmctld.log, slurmd.log" >&2
    exit 1
    ;;
stop)
    for pid in slurmd.pid slurmctld.pid munge/pid; do ended "$folder/$pid"; done
    ;;
esac
