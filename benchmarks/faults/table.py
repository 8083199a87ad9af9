"""What was tried and how often it failed: kept as JSON lines, a part at a time, and shown in results/reliability.md."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from lmao.files import write_whole
from lmao.paths import ROOT
from lmao.run.code import commit

RECORDS = ROOT / "results" / "reliability.jsonl"
PAGE = ROOT / "results" / "reliability.md"
HEAD = """# Reliability

What was done to runs and sweeps, how often, and how often something did not hold that is
[promised](../docs/reference/reliability.md). Written by `python -m benchmarks.faults --write`; `--parts` names some,
`--n` says how often. From 0 failures in n tries follows, with 95% confidence, that fewer than 3 in n fail.
[reliability.jsonl](reliability.jsonl) has the lines, each with its commit.
"""


@dataclass(frozen=True)
class Row:
    """what: one sentence without a full stop; n: how often it was tried; note: what else there is to know."""

    what: str
    n: int
    failures: int
    note: str = ""

    @property
    def bound(self) -> str:
        """The rule of three (Hanley and Lippman-Hand 1983)."""
        if self.failures or not self.n:
            return "–"
        return f"{3 / self.n:.2g}" if self.n > 3 else "–"


def keep(part: str, rows: Iterable[Row]) -> None:
    """Put a part's rows in the place of those that it had, and write the page again."""
    kept = [record for record in _records() if record["part"] != part]
    kept += [{"part": part, **asdict(row), "commit": commit()} for row in rows]
    write_whole(RECORDS, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in kept))
    write_whole(PAGE, page(kept))


def page(records: Sequence[dict[str, str]]) -> str:
    """The records by part, as Markdown."""
    lines = [HEAD]
    for part in dict.fromkeys(record["part"] for record in records):
        lines += [
            f"## {part}",
            "",
            "| what | tries | failures | at 95% below | |",
            "| --- | ---: | ---: | ---: | --- |",
        ]
        for record in records:
            if record["part"] == part:
                row = Row(record["what"], int(record["n"]), int(record["failures"]), record["note"])
                lines.append(
                    f"| {row.what} | {row.n:,} | {row.failures:,} | {row.bound} | {' '.join(row.note.split())} |"
                )
        lines.append("")
    return "\n".join(lines)


def _records() -> list[dict[str, str]]:
    if not RECORDS.exists():
        return []
    return [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()]
