"""Passwords in URLs are never printed or stored."""

import pytest

from lmao.passwords import without_passwords


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
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://host:5000/path", "http://host:5000/path"),
        ("mail me@host, at 10:30", "mail me@host, at 10:30"),
    ],
)
def test_passwords_are_hidden_and_the_rest_is_kept(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
