"""What was measured, a line of JSON for each model of each draw: nothing that is finished is lost or measured again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from filelock import FileLock

from benchmarks.suite.cells import Cell
from lmao.errors import UserError
from lmao.files import write_whole


@dataclass(frozen=True)
class Record:
    """A model's figures on one draw. role: "auto", an "arm" of it, its "control" without pre-training, or a "peer".

    test_accuracy, test_macro_f: None until test was read. cross_validated: on the training labels; share: of an arm in
    what auto combines. seconds: to train, without encoding and vectors, which draws share, for auto with pre-training,
    for arms without; megabytes: of what it needs to predict.
    """

    set: str
    labels: int
    seed: int
    role: str
    model: str
    dev_accuracy: float
    dev_macro_f: float | None
    test_accuracy: float | None
    test_macro_f: float | None
    cross_validated: float | None
    share: float | None
    seconds: float | None
    megabytes: float | None
    dev_examples: int
    test_examples: int | None
    code: str

    @property
    def key(self) -> tuple[str, int, int, str, str]:
        return self.set, self.labels, self.seed, self.role, self.model


class Records:
    """Those of a file. A record replaces an earlier one of the same model and draw."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))

    def read(self) -> list[Record]:
        """All of them, sorted; none where there is no file.

        Raises:
            UserError: it is another kind of file.
        """
        if not self._path.exists():
            return []
        found = []
        for number, line in enumerate(self._path.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                found.append(Record(**json.loads(line)))
            except (ValueError, TypeError):
                names = ", ".join(field.name for field in fields(Record))
                raise UserError(f"{self._path}:{number} is not a record of {names}", advice="move it away") from None
        return found

    def add(self, new: Sequence[Record]) -> None:
        """Write the file anew, whole or not at all; other processes wait."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            kept = {record.key: record for record in [*self.read(), *new]}
            lines = [json.dumps(asdict(kept[key]), ensure_ascii=False) + "\n" for key in sorted(kept)]
            write_whole(self._path, "".join(lines))

    def has(self, cell: Cell, with_test: bool) -> bool:
        """Whether a cell has been measured, on test, too, if that is asked."""
        return any(
            (record.set, record.labels, record.seed, record.model) == (cell.set, cell.labels, cell.seed, cell.model)
            and record.role in ("auto", "peer")
            and (record.test_accuracy is not None or not with_test)
            for record in self.read()
        )
