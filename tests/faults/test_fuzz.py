"""What nobody should write, given to every reader: it ends well, or with one clear line. By hand far more often:
`python -m benchmarks.faults --parts fuzz`."""

from pathlib import Path

import pytest

from benchmarks.faults.fuzz import tried
from benchmarks.faults.judging import TooLong, what_is_wrong
from benchmarks.faults.readers import READERS
from lmao.errors import UserError

FEWER = {"runs": 60, "models": 4, "commands": 60, "own_settings": 40}  # those that take a tenth of a second or more


@pytest.mark.parametrize("reader", READERS)
def test_what_nobody_should_write_is_read_or_refused_in_one_line(reader: str, tmp_path: Path) -> None:
    n = FEWER.get(reader, 300)
    tries, failures, note = tried(reader, n, tmp_path / reader)
    assert (tries, failures) == (n, 0), note
    refused = int(note.partition(" ")[0].replace(",", ""))
    assert n / 5 < refused < n, "all or nearly none of it is wrong: that tries little"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyError("label"), "KeyError in test_fuzz.py"),
        (MemoryError(), "more than 1024 MB"),
        (TooLong(), "more than 20 s"),
        (UserError("a.csv: no text in it"), None),
    ],
)
def test_a_bug_is_told_from_a_message(error: BaseException, said: str | None) -> None:
    with pytest.raises(type(error)) as caught:
        raise error
    found = what_is_wrong(caught.value)
    assert found is None if said is None else found is not None and found.startswith(said)
