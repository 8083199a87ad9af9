#!/bin/bash
#SBATCH --job-name=lmao-worker
#SBATCH --array=1-10
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=3G
#SBATCH --time=4:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:TERM@60
#SBATCH --output=lmao-worker-%A_%a.log
# A worker a task of the array, from the checkout's folder; where its time is up it goes back into the queue.
#   sbatch --dependency=afterok:FIRST --kill-on-invalid-dep=yes cluster/slurm/worker.sh SETTINGS
"$SLURM_SUBMIT_DIR/cluster/worker.sh" "$@" &
worker=$!
trap 'kill -TERM $worker 2>/dev/null' TERM
while wait $worker; code=$?; kill -0 $worker 2>/dev/null; do :; done

# 143: stopped; 137: killed, for its memory for example; 75: a server is away, or was never there: so not for ever. A task
# that scancel ends is no longer RUNNING, and stays away.
task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID   # SLURM_JOB_ID of the last task names the whole array
if { [ $code -gt 128 ] || { [ $code = 75 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 20 ]; }; } && scontrol show job "$task" | grep -q JobState=RUNNING; then
    scontrol requeue "$task"
    sleep 60   # the requeuing ends it
fi
exit $code
