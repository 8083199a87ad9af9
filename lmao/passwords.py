"""Passwords in URLs: masked before anything is printed or kept."""

import logging
import re
from collections.abc import Callable
from urllib.parse import unquote

HIDDEN = "***"
VARIABLE = "LMAO_PASSWORD_"  # with a number: an environment variable that holds one
NAMES = r"(?:\w*(?:password|passwd|passphrase|secret|token|api_?key|access_?key)|\bpwd|\bpass)"
NOT_YET = r"(?!\*\*\*|\$\{)"
PATTERNS = [  # what stands before a password, and the password
    r"(://(?!\$\{)[^/:@\s]*:)([^\s]*)(?=@)",
    rf"(://(?!\$\{{)[^/:@\s]*:){NOT_YET}([^\n'\"]*)(?=@)",  # with spaces in it
    rf"(\bhttps?://){NOT_YET}([^/:@\s'\"]+)(?=@)",  # a token in the place of a name
    # neither @ nor a port: the URL is incomplete, and what is wrong with it may be told with it
    rf"(://(?!\$\{{)[^/:@\s\['\"]*:){NOT_YET}(?!\d{{0,5}}(?:[/?#'\"\s]|[,.;:)\]}}]+(?:\s|$)|$))([^\s'\"@]+)(?![^\s'\"]*@)",
    rf"([?&]{NAMES}=){NOT_YET}([^&\n'\"]*)",
    rf"({NAMES}=){NOT_YET}([^&\s'\"]*)",
]
PARSED = [re.compile(pattern, re.IGNORECASE) for pattern in PATTERNS]


def without_passwords(text: str) -> str:
    """The text with *** for the passwords of URLs in it."""
    return replaced(re.sub(rf"\$\{{oc\.env:{VARIABLE}\d+\}}", HIDDEN, text), lambda password: HIDDEN)


def without_passwords_of(url: str, text: str) -> str:
    """A text about a URL, without its passwords, wherever they stand in it."""
    found: list[str] = []

    def note(password: str) -> str:
        found.append(password)
        return HIDDEN

    replaced(url, note)
    parts = {part for password in found for part in (password, unquote(password), *re.split(r"[/?#:]", password))}
    for part in sorted(parts - {""}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", HIDDEN, text)
    return without_passwords(text)


def replaced(text: str, replacement: Callable[[str], str]) -> str:
    """The text with something else for each password in it."""
    for pattern in PARSED:
        text = pattern.sub(lambda found: found[1] + replacement(found[2]) if found[2] else found[0], text)
    return text


class Formatter(logging.Formatter):
    """Of train.log: errors and warnings of any library, with their tracebacks."""

    def format(self, record: logging.LogRecord) -> str:
        return without_passwords(super().format(record))
