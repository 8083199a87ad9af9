"""From vectors back to words: predictions and a table of unit rows come in, the nearest rows by cosine go out."""

from lmao.neighbours.exact import nearest, unit_rows

__all__ = ["nearest", "unit_rows"]
