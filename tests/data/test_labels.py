"""Labels that probably mean the same."""

import unicodedata

from lmao.data.labels import joined, lookalikes


def test_labels_that_differ_in_what_nobody_sees_are_lookalikes() -> None:
    decomposed = unicodedata.normalize("NFD", "caf\u00e9")
    names = [
        "Pos",
        "pos",
        "1",
        "1.0",
        "0,5",
        "0.5",
        "caf\u00e9",
        decomposed,
        "neg\u200b",
        "neg",
        "a b",
        "ab",
        "other",
        "10",
    ]
    assert lookalikes(names) == [
        ["Pos", "pos"],
        ["1", "1.0"],
        ["0,5", "0.5"],
        ["caf\u00e9", decomposed],
        ["neg\u200b", "neg"],
        ["a b", "ab"],
    ]


def test_different_labels_are_not() -> None:
    assert lookalikes(["pos", "neg", "-1", "1", "very good", "very_good", "C", "C#", "C++"]) == []


def test_several_labels_in_one_field_are_told_from_one_with_a_comma() -> None:
    names = ["a", "b", "a, b", "b|a", "c, d", "a and b", "R&B/soul", "a,", ",", "C#", "C"]
    assert joined(names) == ["a, b", "b|a"]
