"""Passwords in URLs are never printed or stored."""

import logging
import sys
from pathlib import Path

import pytest

from lmao.passwords import Formatter, without_passwords, without_passwords_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:secret@host:5432/runs", "postgresql://me:***@host:5432/runs"),
        ("postgresql+psycopg://me:se:cr/et@x@host/runs", "postgresql+psycopg://me:***@host/runs"),
        ("http://:secret@host", "http://:***@host"),
        (
            "postgresql://host/runs?user=me&password=secret&sslmode=require",
            "postgresql://host/runs?user=me&password=***&sslmode=require",
        ),
        ("uri: 'http://a:secret@h' and http://b:secret@h", "uri: 'http://a:***@h' and http://b:***@h"),
        ("http://TOKEN@host:5000/x, https://TOKEN@host", "http://***@host:5000/x, https://***@host"),
        ("postgresql://me@host/runs", "postgresql://me@host/runs"),
        ("postgresql://me:my secret@host/runs", "postgresql://me:***@host/runs"),
        ("postgresql://host/runs?passwd=my secret&user=me", "postgresql://host/runs?passwd=***&user=me"),
        ("http://host?api_key=secret&pwd=secret&pass=secret", "http://host?api_key=***&pwd=***&pass=***"),
        ("compass=3 passes=4", "compass=3 passes=4"),
        ("postgresql://me:secret", "postgresql://me:***"),
        ("postgresql://me:secret/runs: no such host", "postgresql://me:*** no such host"),
        ("http://host:5000: no such host, http://[::1]:5000", "http://host:5000: no such host, http://[::1]:5000"),
        ("http://${oc.env:LMAO_PASSWORD_0}@host", "http://***@host"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://host:5000/path", "http://host:5000/path"),
        ("mail me@host, at 10:30", "mail me@host, at 10:30"),
    ],
)
def test_passwords_are_hidden_and_the_rest_is_kept(text: str, shown: str) -> None:
    assert without_passwords(text) == without_passwords(shown) == shown


def test_what_a_library_says_of_a_url_has_none_of_its_passwords_either() -> None:
    for url, said in (
        ("postgresql://me:secret/runs", "invalid literal for int() with base 10: 'secret'"),
        ("http://me:s%20t@host", "nonnumeric port: 's t'"),
        ("postgresql://host/runs?passwd=secret", "no option secret"),
    ):
        hidden = without_passwords_of(url, f"{url}: {said}")
        assert "***" in hidden and "secret" not in hidden and "s t" not in hidden


def test_a_log_has_none(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log")
    handler.setFormatter(Formatter("%(message)s"))
    try:
        raise ValueError("http://me:secret@host")
    except ValueError:
        handler.handle(
            logging.makeLogRecord({"msg": "to http://me:%s@host", "args": ("secret",), "exc_info": sys.exc_info()})
        )
    handler.close()
    log = (tmp_path / "log").read_text()
    assert log.startswith("to http://me:***@host") and log.endswith("ValueError: http://me:***@host\n")
