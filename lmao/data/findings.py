"""What is wrong with texts and labels, before anything is trained on them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A line for the user. spoils: what is measured, or learned, would not be what it seems."""

    text: str
    spoils: bool = False
