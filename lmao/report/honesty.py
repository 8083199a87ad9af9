"""What stands under every table: how many runs were made for it, how, what they saw, on what, and the commands."""

import os
import platform
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from lmao.console import counted
from lmao.passwords import without_passwords
from lmao.report.luck import INDEPENDENT
from lmao.report.rows import Group
from lmao.report.settings import extent, space_of
from lmao.sweep.records import State, StudyRecord, TrialRecord

LISTED = 10  # kinds of failures that are listed
STOPPED_BY = "textcat.early_stopping_examples"
TRAINED = {"document", "floret", "lsa"}  # vectors and features that texts without labels make
PRETRAINING = ("pretrain.", "objective.", "encoder.", "vectors.")  # settings that a pre-training depends on


def statement(
    group: Group, results: Sequence[Mapping[str, Any]], chance: float | None, missing: Sequence[str], command: str
) -> Sequence[str]:
    """Lines of Markdown. `chance`: None if the number of labels is not known."""
    lines = [
        _runs(group),
        *_choice(group),
        _failures(group, chance),
        *_seen(group),
        _hardware(group, results),
        f"Commit {', '.join(sorted(set(chain.from_iterable(map(_commits, group.studies)))))}.",
        *(f"Left out: {line}." for line in missing),
        f"Written by `{without_passwords(command)}` from the following, each search with the `space=` that is above",
        *(f"  - {study.name}: `{_command(study)}`" for study in group.studies),
    ]
    return [line if line.startswith("  ") else f"- {line}" for line in lines]


def _runs(group: Group) -> str:
    trials = list(chain.from_iterable(map(_begun, group.studies)))
    states = Counter(trial.state for trial in trials)
    counted = ", ".join(f"{states[state]} {state.value}" for state in State if states[state])
    lost = sum(len(study.lost) for study in group.studies)
    reused = sum(trial.reused is not None for trial in trials)
    reruns = sum(len(_begun(study)) for study in group.studies if study.is_rerun and not study.is_linear)
    linear = sum(len(_begun(study)) for study in group.studies if study.is_linear)
    line = f"Runs made: {len(trials)} ({counted or 'none'}), of them {reruns} to re-train best settings"
    line += f" and {linear} of the linear model" if linear else ""
    line += f"; {lost} more lost to kills and stops, and repeated" if lost else ""
    line += f"; {reused} took over the value of a run of the same settings and data" if reused else ""
    return line + ". Runs in other databases, and deleted ones, are not known here."


def _choice(group: Group) -> Sequence[str]:
    searches = [row.study for row in group.searched]
    if not searches:
        return []
    samplers = Counter(study.sampler for study in searches)
    text = ", ".join(f"{sampler} ({counted(count, 'study', 'studies')})" for sampler, count in samplers.items())
    valid = all(study.sampler == INDEPENDENT for study in searches)
    if any(study.of(State.PRUNED) for study in searches):
        text += "; a pruned trial counts as the last that it had reported, and never as more than the best complete one"
    lines = [
        f"Settings chosen by dev accuracy; sampler: {text}. Best-of-k curves are valid for random draws alone: "
        + ("all of these are." if valid else "the others have none.")
    ]
    if any(row.search is None for row in group.rows):
        lines[0] += " Rows that were not searched have their default settings."
    stoppers = {study.science.get(STOPPED_BY) for study in searches if study.science.get("textcat.init") == "fresh"}
    if number := max((count for count in stoppers if count is not None), default=0):
        lines.append(
            f"Fine-tuning stopped by the accuracy on {number:,} labelled texts of dev, which are not counted among the "
            "labels to train on."
        )
    names = set(chain.from_iterable(study.space for study in searches))
    spaces = {name: extent(distribution) for name in names if (distribution := space_of(group, name))}
    if spaces:
        lines.append(f"Space: {'; '.join(f'{name} {text}' for name, text in sorted(spaces.items()))}.")
    return lines


def _failures(group: Group, chance: float | None) -> str:
    failed: dict[tuple[str, str], list[int]] = {}
    for study in group.studies:
        for trial in study.of(State.FAILED):
            failed.setdefault((study.name, without_passwords(trial.error or "no reason kept")), []).append(trial.number)
    if not failed:
        return "Nothing failed."
    counted = "0 (the number of labels is not known)" if chance is None else f"chance, {100 * chance:.1f}%"
    listed = [f"{name} {', '.join(map(str, numbers))}: {error}" for (name, error), numbers in failed.items()]
    more = f"; and {len(listed) - LISTED} more kinds, in runs.csv" if len(listed) > LISTED else ""
    reruns = any(study.is_rerun and study.of(State.FAILED) for study in group.studies)
    left_out = " A seed that failed in a re-run is left out there, with its pair." if reruns else ""
    count = sum(map(len, failed.values()))
    return f"{count} failed; in a search they count as {counted}: {'; '.join(listed[:LISTED])}{more}.{left_out}"


def _seen(group: Group) -> Sequence[str]:
    science = [study.science for study in group.studies]
    given = {bool(values["data.include_test_text"]) for values in science if "data.include_test_text" in values}
    texts = {
        frozenset(): "No test texts are among the texts to pre-train on",
        frozenset({True}): "Test texts, without their labels, are among the texts to pre-train on",
        frozenset({False}): "Test texts were kept from pre-training",
    }.get(frozenset(given), "Test texts, without their labels, are among the texts to pre-train on in some of the rows")
    lines = [f"{texts}. Test labels: {_test_labels(group)}."]
    if "Test texts, without" in texts:
        without = [row for row in group.rows if row.study.pretrain_epochs == 0]
        reading = "; ".join(row.label for row in without if _learns_from_texts(row.study.science))
        lines.append(
            f"Without pre-training these have read them, too, in what is trained on texts without labels: {reading}."
            if reading
            else "Rows without pre-training and the linear model have not read test texts."
        )
    return [*lines, *one_pretraining(group)]


def _learns_from_texts(science: Mapping[str, Any]) -> bool:
    """Whether its vectors, or its features, are trained on the texts that are pre-trained on."""
    classifier = science.get("textcat.name")
    features = science.get("textcat.features", "ngrams") if classifier == "linear" else "vectors"
    return (
        classifier == "auto" or features in TRAINED or (features != "ngrams" and science.get("vectors.name") in TRAINED)
    )


def one_pretraining(group: Group) -> Sequence[str]:
    """Where no interval and no p has the luck of pre-training in it."""
    science = [
        study.science
        for study in group.studies
        if study.pretrain_epochs and not any(name.startswith(PRETRAINING) for name in study.space)
    ]
    shared = sorted({str(values["pretrain.seed"]) for values in science if values.get("pretrain.seed") is not None})
    if not shared:
        return []
    return [
        f"pretrain.seed={', '.join(shared)}: all runs of a row start from one pre-training, and fewer epochs are the "
        "beginning of more. Its luck is in no interval and no p."
    ]


def _test_labels(group: Group) -> str:
    readers = [study for study in group.studies if study.reads_test and _begun(study)]
    seeds = sorted(
        {trial.seed for study in readers if study.is_rerun for trial in _begun(study) if trial.seed is not None}
    )
    read = [f"read once for each re-run, seeds {_span(seeds)}"] if seeds else []
    searches = [study.name for study in readers if not study.is_rerun]
    read += [f"read in each run of {', '.join(searches)}, which chose by dev all the same"] if searches else []
    return "; ".join(read) or "not read"


def _hardware(group: Group, results: Sequence[Mapping[str, Any]]) -> str:
    trials = [trial for study in group.studies for trial in (*study.trials, *study.lost)]
    hours = sum(trial.seconds or 0.0 for trial in trials) / 3600
    hosts = {trial.host for trial in trials if trial.host}
    machines = f"{len(hosts)} machines" if len(hosts) > 1 else "one machine"
    if hosts == {platform.node()}:
        machines += f" with {os.cpu_count()} cores, {platform.machine()}"
    threads = sorted({result["threads"] for result in results})
    each = f", {' or '.join(map(str, [*threads[:-1], counted(threads[-1], 'thread')]))} a run" if threads else ""
    lost = sum(trial.seconds is None for trial in trials if trial.state is State.LOST)
    uncounted = f" (without {counted(lost, 'lost run')}, whose end nobody saw)" if lost else ""
    return f"{hours:.1f} hours of runs{uncounted} on {machines}{each}."


def _command(study: StudyRecord) -> str:
    """The command that made a study, but for its `space=`, which is listed above."""
    if study.is_rerun:
        pattern = [study.rerun_of] if study.rerun_of else []
        return shlex.join(["python", "-m", "lmao.rerun", *pattern, f"--seeds={study.budget}"])
    command = ["python", "train.py", "-m", f"sweep={study.sampler}", f"hydra.sweeper.study_name={study.name}"]
    command += [f"hydra.sweeper.n_trials={study.budget}"] if study.budget else []
    return without_passwords(shlex.join([*command, *map(_without_folders, study.overrides)]))


def _without_folders(override: str) -> str:
    """`data.path=/somewhere/reviews.csv` without the folder, which is one machine's."""
    key, sign, value = override.partition("=")
    return f"{key}={value.rpartition('/')[2]}" if sign and key.endswith(("path", "dir")) else override


def _begun(study: StudyRecord) -> Sequence[TrialRecord]:
    """Without the points that are only queued."""
    return [trial for trial in study.trials if trial.state is not State.WAITING]


def _commits(study: StudyRecord) -> set[str]:
    """The commits that its trials ran; if they aren't known, that of its last start."""
    return {_short(trial.code) for trial in study.trials if trial.code} or {_short(study.commit)}


def _short(commit: str | None) -> str:
    return "unknown" if commit is None else commit[:10] + "-dirty" * ("-dirty" in commit)


def _span(seeds: Sequence[int]) -> str:
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds))
