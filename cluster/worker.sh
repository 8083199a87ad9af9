#!/bin/sh
# One worker of a study: worker.sh SETTINGS, those of `python train.py -m`, after the ones in STUDY. Every engine starts it.
# It stays until every trial has ended, and a trial may be lost 20 times, since machines are taken away here.
# SIGTERM is passed on: the trial goes back to the queue, and the exit code is 143. Where the database or MLflow's server
# is away (75), it tries again each minute, ten times. It stands beside train.py, or below.
here=$(cd "$(dirname "$0")" && pwd)
[ -e "$here/train.py" ] || here=$(dirname "$here")
[ ! -x "$here/.venv/bin/python" ] || PATH=$here/.venv/bin:$PATH
export OMP_NUM_THREADS=1

# An image holds compiled kernels where nobody may write, and numba reads only where it may.
if [ -d "$here/kernels" ]; then mkdir -p "$NUMBA_CACHE_DIR" && cp -R "$here/kernels/." "$NUMBA_CACHE_DIR"; fi

trap 'stopped=yes; kill -TERM "$child" 2>/dev/null' TERM
set -f  # STUDY is split at its blanks, and [ and * stand for themselves
run() {  # its exit code is `code`
    "$@" &
    child=$!
    [ -z "$stopped" ] || kill -TERM "$child"
    while wait "$child"; code=$?; kill -0 "$child" 2>/dev/null; do :; done  # a signal ends the waiting, not the process
}

for _ in 1 2 3 4 5 6 7 8 9 10; do
    # shellcheck disable=SC2086
    run python "$here/train.py" --multirun hydra.sweeper.wait=true hydra.sweeper.max_losses=20 $STUDY "$@"
    [ "$code" = 75 ] || exit "$code"
    run sleep 60
    [ -z "$stopped" ] || exit 143
done
exit 75
