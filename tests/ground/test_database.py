"""Database URLs: understood from anywhere, locked by one, and their errors in one line."""

import threading
import time
from pathlib import Path

import pytest
import sqlalchemy

from lmao.database import absolute, exclusive, scheme, sqlite_file, typed, url_errors
from lmao.errors import Away, Unavailable, UserError

AWAY = "postgresql+psycopg://me@127.0.0.1:1/runs"  # nobody listens there


@pytest.mark.parametrize(
    ("url", "kind"), [("sqlite:///a.db", "sqlite"), ("postgresql+psycopg://host/x", "postgresql"), ("folder", "folder")]
)
def test_the_kind_of_a_database_is_read(url: str, kind: str) -> None:
    assert scheme(url) == kind


def test_a_file_is_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("sqlite:///runs.db") == f"sqlite:///{tmp_path}/runs.db"
    assert absolute(f"sqlite:///{tmp_path}/runs.db") == f"sqlite:///{tmp_path}/runs.db"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert absolute("sqlite:///~/runs.db") == f"sqlite:///{tmp_path}/runs.db"
    assert absolute("sqlite://") == "sqlite://" and sqlite_file("sqlite://") is None
    assert absolute("postgresql://me:secret@host/runs") == "postgresql://me:secret@host/runs"


def test_a_folder_that_no_url_can_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "really?").mkdir()
    monkeypatch.chdir(tmp_path / "really?")
    with pytest.raises(UserError, match="can't have a folder with '\\?' in its name: start in another folder"):
        absolute("sqlite:///runs.db")


def test_a_url_is_typed_without_its_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(f"sqlite:///{tmp_path}/runs.db") == "sqlite:///runs.db"
    assert typed("sqlite:////elsewhere/runs.db") == "sqlite:////elsewhere/runs.db"
    assert typed("postgresql://me:se%40cret@host:5/runs") == "postgresql://me@host:5/runs"
    assert typed("postgresql://me@host/runs?password=secret&port=5") == "postgresql://me@host/runs?port=5"


def test_one_holds_the_lock_and_the_others_wait(tmp_path: Path) -> None:
    url, order = f"sqlite:///{tmp_path}/made/for/it.db", list[str]()

    def second() -> None:
        with exclusive(url):
            order.append("second")

    with exclusive(url):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_an_error_becomes_one_line_without_a_password() -> None:
    url = "postgresql://me:secret@host/runs"
    with (
        pytest.raises(UserError) as caught,
        url_errors("tracking.uri", url, "set another", (ValueError,)),
    ):
        raise ValueError(f"no way to {url}\nand more")
    assert str(caught.value) == (
        "tracking.uri=postgresql://me:***@host/runs: no way to postgresql://me:***@host/runs: set another"
    )


def test_a_server_that_is_away_is_told_from_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for url, kind in ((AWAY, Away), (f"sqlite:///{tmp_path}", Unavailable)):
        with pytest.raises(Unavailable) as caught, url_errors("tracking.uri", url, "", (Exception,)):
            sqlalchemy.create_engine(url).connect()
        assert type(caught.value) is kind


def test_an_error_that_nobody_expected_stays_what_it_is() -> None:
    with pytest.raises(KeyError), url_errors("tracking.uri", "sqlite:///a.db", "", (ValueError,)):
        raise KeyError("a bug")


@pytest.mark.parametrize(
    ("url", "advice"),
    [("postgresql://host/runs", "pip install -e '.[postgres]'"), ("mysql://host/runs", "set another")],
)
def test_a_driver_that_is_not_installed_is_named_with_the_command_for_it(url: str, advice: str) -> None:
    with pytest.raises(UserError) as caught, url_errors("tracking.uri", url, "set another", (ImportError,)):
        raise ModuleNotFoundError("No module named 'psycopg'")
    assert str(caught.value) == (
        f"tracking.uri={url}: its database driver isn't installed (No module named 'psycopg'): {advice}"
    )
