"""`python -m lmao.rerun`: each study's best setting, and the linear model, trained again with fresh paired seeds."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from lmao import cli
from lmao.config.overrides import quote
from lmao.config.secrets import kept_in_environment
from lmao.errors import UserError
from lmao.passwords import without_passwords
from lmao.paths import ROOT
from lmao.stop import Stopped
from lmao.sweep.reading import STORAGE, read_studies
from lmao.sweep.records import StudyRecord
from lmao.sweep.space import overrides

TRAIN = ROOT / "train.py"
FIRST_SEED = 1000  # searches draw theirs elsewhere
MOST_SEEDS = 40  # for which the sign-flip test is exact
DATA_OVERRIDE = re.compile(r"\+{0,2}(experiment|data|debug)(=|\.)")  # what the linear model needs of a study's command
NAME = re.compile(r"(?P<data>.+)-[^-]+-pretrain(\d+|auto)(-[a-z]+)?")


@dataclass(frozen=True)
class Rerun:
    """A study to run: `overrides` fix all of its settings but the seed."""

    name: str
    rerun_of: str | None
    overrides: Sequence[str]

    def command(self, seeds: int, storage: str, further: Sequence[str]) -> Sequence[str]:
        return [
            sys.executable,
            str(TRAIN),
            "-m",
            "sweep=grid",
            f"hydra.sweeper.storage={quote(storage)}",
            f"hydra.sweeper.study_name={quote(self.name)}",
            f"hydra.sweeper.rerun_of={quote(self.rerun_of)}",
            f"hydra.sweeper.n_trials={seeds}",
            *self.overrides,
            f"seed=range({FIRST_SEED},{FIRST_SEED + seeds})",
            "evaluate_test=true",
            *further,
        ]


def main() -> int:
    parser = cli.Parser(prog="python -m lmao.rerun", description=__doc__)
    parser.add_argument("pattern", nargs="?", default="*", help="of study names, like 'imdb-*'; all of them by default")
    parser.add_argument("--seeds", type=int, default=10, metavar="M", help=f"2 to {MOST_SEEDS}, 10 by default")
    parser.add_argument("--storage", default=STORAGE, metavar="URL", help=f"Optuna's database, {STORAGE} by default")
    parser.epilog = "What follows -- is passed on to train.py: -- data.path=… tracking=off"
    own, further = _split(sys.argv[1:])
    arguments = parser.parse_args(own)
    return cli.main(lambda: rerun(arguments.pattern, arguments.seeds, arguments.storage, further))


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """What stands before and after the first `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


def rerun(pattern: str, seeds: int, storage: str, further: Sequence[str]) -> None:
    """Run the commands one after the other; each resumes where it stopped.

    Raises:
        UserError: there is nothing to re-run.
        SystemExit: commands failed; the others were run, the exit code is that of the first.
    """
    if not 2 <= seeds <= MOST_SEEDS:
        raise UserError(f"--seeds {seeds}", advice=f"give 2 to {MOST_SEEDS}")
    reruns, skipped = plan(read_studies(storage, pattern))
    for line in skipped:
        print(f"skipped    {line}", flush=True)
    if not reruns:
        raise UserError(f"nothing to re-run: none of the studies that match '{pattern}' has a finished trial")
    failures = []
    for number, planned in enumerate(reruns, start=1):
        command = planned.command(seeds, storage, further)
        print(f"rerun      {number} of {len(reruns)}: {planned.name}", flush=True)
        code = _run(command)
        if code:
            print(f"failed: exit code {code} of {without_passwords(shlex.join(command))}", file=sys.stderr)
            failures.append(code)
    if failures:
        raise SystemExit(failures[0])


def plan(studies: Sequence[StudyRecord]) -> tuple[Sequence[Rerun], Sequence[str]]:
    """What to re-run, the linear model of each data set last; and what not to, with the reason.

    A study whose budget isn't finished is left out, unless no study's is.
    """
    searches = [study for study in studies if not study.is_rerun]
    any_done = any(study.done and study.best() for study in searches)
    reruns, skipped = [], []
    for study in searches:
        progress = f"{study.finished} of {study.budget or '?'} trials are done"
        if study.best() is None:
            skipped.append(f"{study.name}: no trial is complete ({progress})")
        elif any_done and not study.done:
            skipped.append(f"{study.name}: {progress}")
        else:
            reruns.append(study)
    return [*map(_of_best, reruns), *_linear(reruns)], skipped


def _of_best(study: StudyRecord) -> Rerun:
    """Its name includes the trial: a better one, found later, gets its own re-run."""
    best = study.best()
    assert best is not None
    fixed = [override for override in study.overrides if override.lstrip("+").partition("=")[0] != "seed"]
    settings = {name: value for name, value in best.parameters.items() if name != "seed"}
    return Rerun(f"{study.name}-rerun{best.number}", study.name, [*fixed, *overrides(settings)])


def _linear(studies: Sequence[StudyRecord]) -> Sequence[Rerun]:
    """The linear model with its default settings, for each data set on which no study searches them."""
    reruns: dict[str, Rerun] = {}
    covered = [(study.data, study.texts) for study in studies if study.is_linear]
    for study in studies:
        if (study.data, study.texts) not in covered:
            covered.append((study.data, study.texts))
            data = [override for override in study.overrides if DATA_OVERRIDE.match(override)]
            name = f"{_data_name(study)}-linear-rerun"
            name = f"{study.name}-linear-rerun" if name in reruns else name
            reruns[name] = Rerun(name, None, [*data, "textcat=linear"])
    return list(reruns.values())


def _data_name(study: StudyRecord) -> str:
    """What the sweeper's names of studies begin with: the experiment, or the data."""
    named = NAME.fullmatch(study.name)
    return named["data"] if named else str(study.science.get("data.name", study.name))


def _run(command: Sequence[str]) -> int:
    """The exit code. A terminal sends Ctrl-C to the child too, others are passed on; the child prints the rest."""
    with subprocess.Popen(kept_in_environment(command)) as child:
        try:
            code = child.wait()
        except Stopped as stop:
            if stop.signal_number != signal.SIGINT:
                child.send_signal(stop.signal_number)
            child.wait()
            raise SystemExit(128 + stop.signal_number) from None
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
