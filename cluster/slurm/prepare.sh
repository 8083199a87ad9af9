#!/bin/bash
#SBATCH --job-name=lmao-prepare
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=3G
#SBATCH --time=12:00:00
#SBATCH --requeue
#SBATCH --output=lmao-prepare-%j.log
# The first trial, alone: it makes the tables, and leaves corpus, vectors and a pre-training with a fixed seed in the cache.
#   sbatch cluster/slurm/prepare.sh SETTINGS, from the checkout's folder
exec "$SLURM_SUBMIT_DIR/cluster/worker.sh" "$@" hydra.sweeper.n_trials=1
