"""The cache gives back what was put in, or nothing: whatever happened to the files and to their writer."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmao.cache import MANIFEST, Cache, Damaged, Entry, Writer
from lmao.paths import ROOT

RECORD = {"version": 1, "texts": "abc"}
VALUES = np.arange(6, dtype=np.int32)


def write(writer: Writer) -> None:
    writer.array("values", VALUES)
    (writer.path / "words.json").write_text(json.dumps(["film", "good"]))
    writer.meta |= {"labels": ["good", "bad"], "loss": 0.25}


@pytest.fixture
def lines() -> list[str]:
    """What the cache has said."""
    return []


@pytest.fixture
def cache(tmp_path: Path, lines: list[str]) -> Cache:
    return Cache(tmp_path / "cache", lines.append)


def entry_of(cache: Cache) -> Entry:
    return cache.get_or_make("corpus", RECORD, write)[0]


def process(code: str, folder: Path) -> subprocess.Popen[str]:
    """Python that has a `cache` in the folder and the `RECORD` of an entry."""
    head = (
        "import os, signal, sys, time\nimport numpy as np\nfrom pathlib import Path\nfrom lmao.cache import Cache\n"
        f"cache = Cache(Path({str(folder)!r}), print)\nRECORD = {RECORD!r}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_an_entry_is_made_once_and_then_found(cache: Cache, lines: list[str]) -> None:
    made, was_there = cache.get_or_make("corpus", RECORD, write)
    found, is_there = cache.get_or_make("corpus", RECORD, lambda writer: pytest.fail("made again"))
    assert (was_there, is_there) == (False, True)
    np.testing.assert_array_equal(found.array("values"), VALUES)
    assert found.meta == made.meta == {"labels": ["good", "bad"], "loss": 0.25}
    assert found.digest == made.digest
    assert not found.array("values").flags.writeable
    assert lines == []


def test_other_records_and_other_contents_have_other_names_and_digests(cache: Cache) -> None:
    first = entry_of(cache)
    other = cache.get_or_make("corpus", {**RECORD, "version": 2}, lambda writer: writer.array("values", VALUES + 1))[0]
    assert first.path != other.path and first.digest != other.digest


@pytest.mark.parametrize("bit", [0, 5, 7])
def test_a_flipped_bit_anywhere_is_a_miss_that_says_so_in_one_line(cache: Cache, lines: list[str], bit: int) -> None:
    entry = entry_of(cache)
    flipped = 0
    for path in sorted(entry.path.iterdir()):
        content = path.read_bytes()
        for place in range(len(content)):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            assert cache.get("corpus", entry.path.name) is None, (path.name, place)
            flipped += 1
        path.write_bytes(content)
    assert cache.get("corpus", entry.path.name) is not None
    assert len(lines) == flipped > 400
    assert all(line.startswith(f"cache: corpus/{entry.path.name} is damaged (") for line in lines)
    assert not any("\n" in line for line in lines)


@pytest.mark.parametrize("name", ["values.npy", "words.json", MANIFEST])
def test_a_missing_or_cut_file_is_made_again(cache: Cache, lines: list[str], name: str) -> None:
    for cut in (False, True):
        path = entry_of(cache).path / name
        content = path.read_bytes()
        path.unlink()
        if cut:
            path.write_bytes(content[:-1])
        again, was_there = cache.get_or_make("corpus", RECORD, write)
        assert not was_there
        np.testing.assert_array_equal(again.array("values"), VALUES)
    assert 2 <= len(lines) <= 4  # without the lock, and with it


def nothing(path: Path) -> None:
    path.mkdir()


def text_file(path: Path) -> None:
    path.write_text("notes")


def manifest(content: str) -> Callable[[Path], None]:
    def write_manifest(path: Path) -> None:
        path.mkdir()
        (path / MANIFEST).write_text(content, encoding="utf-8")

    return write_manifest


@pytest.mark.parametrize(
    "foreign",
    [nothing, text_file, *map(manifest, ["", "[]", "null", "{}", '{"digest": "", "files": {}, "meta": {}}', "\0"])],
)
def test_something_foreign_of_that_name_is_replaced(
    cache: Cache, lines: list[str], foreign: Callable[[Path], None]
) -> None:
    place = entry_of(cache).path
    shutil.rmtree(place)
    foreign(place)
    entry, was_there = cache.get_or_make("corpus", RECORD, write)
    assert not was_there and lines and "\n" not in lines[0]
    np.testing.assert_array_equal(entry.array("values"), VALUES)
    assert cache.get("corpus", place.name) is not None


def test_what_is_no_array_is_damaged(cache: Cache) -> None:
    def write_text(writer: Writer) -> None:
        (writer.path / "values.npy").write_text("not an array")

    entry = cache.put("corpus", "text", write_text)
    with pytest.raises(Damaged, match=r"values\.npy"):
        entry.array("values")


def test_a_maker_that_fails_leaves_nothing(cache: Cache) -> None:
    def fail(writer: Writer) -> None:
        write(writer)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get_or_make("corpus", RECORD, fail)
    assert [path.suffix for path in (cache.root / "corpus").iterdir()] == [".lock"]


def test_an_entry_whose_maker_was_killed_is_never_seen(cache: Cache, lines: list[str]) -> None:
    killed = process(
        "def make(writer):\n"
        "    writer.array('values', np.zeros(1000))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "cache.get_or_make('corpus', RECORD, make)",
        cache.root,
    )
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert list((cache.root / "corpus").glob(".*/values.npy")), "it was killed before it wrote anything"
    entry, was_there = cache.get_or_make("corpus", RECORD, write)
    assert not was_there and lines == []
    np.testing.assert_array_equal(entry.array("values"), VALUES)


def test_what_killed_processes_left_is_cleared_away(cache: Cache) -> None:
    name = entry_of(cache).path.name
    shutil.rmtree(cache.root / "corpus" / name)
    for left in (f".{name}-left", ".state-000000001-left"):
        (cache.root / "corpus" / left / "half").mkdir(parents=True)
    entry_of(cache)
    cache.put("corpus", "state-000000002", write)
    assert {path.name for path in (cache.root / "corpus").iterdir()} == {name, f"{name}.lock", "state-000000002"}


def test_processes_that_need_the_same_entry_make_it_once(cache: Cache, tmp_path: Path) -> None:
    made = tmp_path / "made"
    code = (
        "def make(writer):\n"
        f"    with open({str(made)!r}, 'a') as file:\n"
        "        file.write('once ')\n"
        "    time.sleep(2)\n"
        "    writer.array('values', np.arange(6))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "entry, cached = cache.get_or_make('corpus', RECORD, make)\n"
        "print(cached, entry.array('values').sum())\n"
    )
    workers = [process(code, cache.root) for _ in range(3)]
    for worker in workers:
        assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
    outputs = []
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    for worker in workers:
        outputs.append(worker.communicate(timeout=60)[0])
    assert sorted(output.splitlines()[-1] for output in outputs) == ["False 15", "True 15", "True 15"]
    assert sum("waiting for another process" in output for output in outputs) == 2
    assert made.read_text() == "once "


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_short_array_that_finds_no_room_is_an_error(tmp_path: Path) -> None:
    """np.save would say nothing, and its half would get a digest."""
    (tmp_path / "a.npy").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        Writer(tmp_path).array("a", np.arange(5))


@pytest.mark.parametrize(
    "values", [np.zeros((0, 3), "<f4"), np.array(["a", "bcd"]), np.ones((2, 3), order="F"), np.ones(())]
)
def test_an_array_of_any_shape_is_read_as_it_was(values: NDArray[Any], tmp_path: Path) -> None:
    Writer(tmp_path).array("a", values)
    read = np.load(tmp_path / "a.npy")
    assert (read.dtype, read.shape) == (values.dtype, values.shape) and (read == values).all()
