#!/bin/sh
# One worker of a study: worker.sh SETTINGS, those of `python train.py -m`, after the ones in STUDY. Every engine starts it.
# It stays until every trial has ended, and a trial may be lost 20 times, since machines are taken away here.
# SIGTERM is passed on: the trial goes back to the queue, and the exit code is 143. It stands beside train.py, or below.
here=$(cd "$(dirname "$0")" && pwd)
[ -e "$here/train.py" ] || here=$(dirname "$here")
[ ! -x "$here/.venv/bin/python" ] || PATH=$here/.venv/bin:$PATH
export OMP_NUM_THREADS=1

# An image holds compiled kernels where nobody may write, and numba reads only where it may.
if [ -d "$here/kernels" ]; then mkdir -p "$NUMBA_CACHE_DIR" && cp -R "$here/kernels/." "$NUMBA_CACHE_DIR"; fi

trap 'stopped=yes; kill -TERM "$child" 2>/dev/null' TERM
set -f  # STUDY is split at its blanks, and [ and * stand for themselves
# shellcheck disable=SC2086
python "$here/train.py" --multirun hydra.sweeper.wait=true hydra.sweeper.max_losses=20 $STUDY "$@" &
child=$!
[ -z "$stopped" ] || kill -TERM "$child"
while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do :; done  # a signal ends the waiting, not the process
exit "$code"
