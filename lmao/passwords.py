"""Passwords in URLs: masked before anything is printed or kept."""

import re


def masked(text: str) -> str:
    """The text with *** for the passwords of URLs in it."""
    text = re.sub(r"(://[^/:@\s]*):[^\s]*@", r"\1:***@", text)
    return re.sub(r"(?i)((?:password|token|secret)=)[^&\s]*", r"\1***", text)
