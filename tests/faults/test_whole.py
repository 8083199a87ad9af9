"""What is written whole is the old one or the new one, wherever its writer is killed."""

import signal
from collections.abc import Callable
from pathlib import Path

from lmao.cache import Cache, Damaged, Writer
from lmao.files import write_whole
from lmao.manifest import verify, write_manifest
from lmao.run.folder import claimed, clear
from tests.support.processes import warm
from tests.support.struck import strike

OLD, NEW = "old" * 1000, "new" * 1000
MOST = 100  # file operations of any of these
Action = Callable[[Path], None]


def write_file(folder: Path) -> None:
    write_whole(folder / "file", NEW)


def replace_entry(folder: Path) -> None:
    def make(writer: Writer) -> None:
        (writer.path / "one").write_text(NEW)
        (writer.path / "two").write_text(NEW)

    Cache(folder, print).put("kind", "name", make)


def clear_run(folder: Path) -> None:
    with claimed(folder):
        clear(folder)


def _act(action: Action, folder: Path, at: int) -> None:
    strike(at, folder / "count")
    action(folder)


def ended_before(action: Action, folder: Path, at: int) -> bool:
    """Whether the action, in a process of its own, has no such file operation; it is killed there."""
    process = warm().Process(target=_act, args=(action, folder, at))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode == 0


def killed_at_each(action: Action, prepare: Action, check: Action, root: Path) -> int:
    """How many operations it has; each is tried."""
    for at in range(1, MOST):
        folder = root / str(at)
        folder.mkdir()
        prepare(folder)
        whole = ended_before(action, folder, at)
        check(folder)
        if whole:
            return at - 1
    raise AssertionError("it never ends")


def test_a_file(tmp_path: Path) -> None:
    def check(folder: Path) -> None:
        assert (folder / "file").read_text() in (OLD, NEW)

    assert killed_at_each(write_file, lambda folder: write_whole(folder / "file", OLD), check, tmp_path) == 2


def test_an_entry_of_the_cache(tmp_path: Path) -> None:
    def prepare(folder: Path) -> None:
        entry = folder / "kind" / "name"
        replace_entry(folder)
        assert entry.exists()

    def check(folder: Path) -> None:
        said: list[str] = []
        cache = Cache(folder, said.append)
        if cache.get("kind", "name") is None:
            replace_entry(folder)
        assert not said, "what is there verifies"
        replace_entry(folder)
        assert [path.name for path in (folder / "kind").iterdir()] == ["name"], "nothing is left"

    assert killed_at_each(replace_entry, prepare, check, tmp_path) > 5


def test_a_run_folder_that_is_cleared(tmp_path: Path) -> None:
    def prepare(folder: Path) -> None:
        (folder / ".lmao").touch()
        (folder / "model").mkdir()
        for name in ("model/a", "model/b", "result.json", "tok2vec.bin"):
            (folder / name).write_text(OLD)
        write_manifest(folder, ("model", "result.json", "tok2vec.bin"))

    def check(folder: Path) -> None:
        for names in (("model",), ("tok2vec.bin",)):
            try:
                verify(folder, *names)
            except Damaged:
                continue
            assert (folder / names[0]).exists()
        clear_run(folder)
        assert [path.name for path in folder.iterdir()] == [".lmao"], "nothing is left"

    assert killed_at_each(clear_run, prepare, check, tmp_path) > 5
