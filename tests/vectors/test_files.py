"""Tables that are read from files: every format, and the place of every mistake."""

import gzip
import io
import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lmao.errors import Unavailable, UserError
from lmao.vectors import loading
from lmao.vectors.table import write_blocks
from tests.support.tables import Loader, gathered

TABLE = {"the": [1.0, 2.0, 2.0], "Film": [0.0, 3.0, 4.0], "naïve": [0.5, -1.5, 2.5], "film": [0.0, 0.0, 0.0]}


@pytest.fixture
def load(tmp_path: Path) -> Loader:
    return Loader(tmp_path)


def word2vec(path: Path, normalize: bool = False) -> dict[str, Any]:
    return {"name": "word2vec", "path": str(path), "normalize": normalize}


def glove(path: Path, dims: int = 3) -> dict[str, Any]:
    return {"name": "glove", "path": str(path), "dims": dims, "normalize": False}


def lines(table: dict[str, list[float]] = TABLE) -> str:
    return "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in table.items())


def binary(table: dict[str, list[float]] = TABLE, after: bytes = b"\n") -> bytes:
    rows = [word.encode() + b" " + struct.pack("<3f", *numbers) + after for word, numbers in table.items()]
    return f"{len(table)} 3\n".encode() + b"".join(rows)


def test_glove_is_read_from_text_gz_and_the_official_zip(load: Loader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(lines())
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(lines().encode()))
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        archive.writestr("glove.6B.3d.txt", lines())
        archive.writestr("glove.6B.4d.txt", "the 1 2 3 4\n")
    loaded = [load(glove(tmp_path / name)) for name in ("a.txt", "a.txt.gz", "glove.6B.zip")]
    assert len({vectors.digest for vectors in loaded}) == 1
    assert gathered(loaded[0], ["naïve", "the"]).tolist() == [TABLE["naïve"], TABLE["the"]]
    assert load(glove(tmp_path / "glove.6B.zip", 4)).dims == 4
    with pytest.raises(UserError, match=r"glove\.6B\.5d\.txt.*it holds glove\.6B\.3d\.txt"):
        load(glove(tmp_path / "glove.6B.zip", 5))


def test_all_word2vec_formats_give_one_table(load: Loader, tmp_path: Path) -> None:
    contents = {
        "a.vec": f"{len(TABLE)} 3\n{lines()}".replace("\n", " \n").encode(),
        "a.txt.gz": gzip.compress(f"{len(TABLE)} 3\n{lines()}".encode()),
        "a.bin": binary(),
        "b.bin": binary(after=b""),
        "a.bin.gz": gzip.compress(binary()),
    }
    digests = set()
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        digests.add(load(word2vec(tmp_path / name)).digest)
    assert len(digests) == 1


def test_a_cased_table_gives_the_lower_cased_row_and_the_first_variant_where_there_is_none(
    load: Loader, tmp_path: Path
) -> None:
    table = {"Film": [1.0, 0, 0], "film": [2.0, 0, 0], "FILM": [3.0, 0, 0], "Rome": [4.0, 0, 0], "ROME": [5.0, 0, 0]}
    (tmp_path / "a.bin").write_bytes(binary(table))
    vectors = load(word2vec(tmp_path / "a.bin"))
    assert gathered(vectors, ["film", "rome"])[:, 0].tolist() == [2, 4]
    assert vectors.size == 2


def test_words_with_spaces_inside_are_read(load: Loader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the 1 2 3\n. . 4 5 6\nat x 7 8 9\n")
    assert gathered(load(glove(tmp_path / "a.txt")), [". .", "at x"]).tolist() == [[4, 5, 6], [7, 8, 9]]


def test_normalised_rows_have_length_one_and_zero_rows_stay_zero(load: Loader, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(binary())
    lengths = np.linalg.norm(gathered(load(word2vec(tmp_path / "a.bin", True)), ["the", "naïve", "film"]), axis=1)
    np.testing.assert_allclose(lengths, [1, 1, 0], rtol=1e-6)


def fasttext_model(rows: NDArray[np.float32], words: list[str], quantized: bool = False, cut: int = 0) -> bytes:
    """A model as fastText 0.9 saves it: settings, dictionary, then the rows of words and buckets."""
    settings = (793712314, 12, rows.shape[1], 5, 5, 1, 5, 1, 2, 2, len(rows) - len(words), 3, 4, 100)
    content = struct.pack("<14id3i2q", *settings, 1e-4, len(words), len(words), 0, 99, -1)
    content += b"".join(word.encode() + b"\0" + struct.pack("<qb", 9, 0) for word in words)
    content += struct.pack("<?2q", quantized, *rows.shape) + rows.tobytes()
    return content[: len(content) - cut]


def test_a_fasttext_model_gives_words_the_mean_of_their_rows(load: Loader, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(103, 3)).astype(np.float32)
    (tmp_path / "a.bin").write_bytes(fasttext_model(rows, ["</s>", "ab", "naïve"]))
    vectors = load(word2vec(tmp_path / "a.bin"))

    def bucket(ngram: str) -> int:
        hashed = 2166136261
        for byte in ngram.encode():
            signed = byte if byte < 128 else byte + 0xFFFFFF00
            hashed = (hashed ^ signed) * 16777619 % 2**32
        return 3 + hashed % 100

    ngrams = ["<na", "<naï", "naï", "naïv", "aïv", "aïve", "ïve", "ïve>", "ve>"]
    expected = [
        rows[0],
        rows[[1, bucket("<ab"), bucket("<ab>"), bucket("ab>")]].mean(axis=0),
        rows[[2, *map(bucket, ngrams)]].mean(axis=0),
    ]
    np.testing.assert_allclose(gathered(vectors, ["</s>", "ab", "naïve"]), expected, rtol=1e-5)


def broken_files() -> Iterator[tuple[str, bytes, str]]:
    rows = np.ones((103, 3), np.float32)
    text = lines().encode()
    yield "a.bin", binary()[:-9], "ends or breaks after 3"
    yield "a.bin", binary() + b"film" + bytes(12), "continues after the 4 words"
    yield "a.bin", binary({"the": [1, float("nan"), 2]}), "'the' is not finite"
    yield "a.bin", binary({"the": [1, 3e38, 2]}), "'the' is too long to compute with"
    yield "a.vec", b"1 3\nthe 1 3e19 2\n", r"a\.vec:2: the vector is too long to compute with"
    yield "a.bin", b"GIF89a\x00\x01\x02\n", "number of words"
    yield "a.bin", b"4 1000000000\nthe " + bytes(100), "more than there can be in it"
    yield "a.bin", fasttext_model(rows, ["a", "b", "c"], cut=1), "cut short"
    yield "a.bin", fasttext_model(rows, ["a", "b", "c"])[:40], "cut short"
    yield "a.bin", fasttext_model(rows, ["a", "b", "c"], quantized=True), "quantized"
    yield "a.bin", fasttext_model(rows * np.float32("nan"), ["a", "b", "c"]), "not finite"
    yield "a.bin.gz", gzip.compress(fasttext_model(rows, ["a", "b", "c"])), "gunzip"
    yield "a.vec", b"5 3\n" + text, r"1 says 5 words, but 4 follow"
    yield "a.vec", text, r"a\.vec:1 should give the number of words"
    yield "a.vec", b"4 3\n" + text.replace(b"4.0", b"four"), r"a\.vec:3 should hold a word and 3 numbers"
    yield "a.vec", b"4 3\n" + text.replace(b"4.0", b""), r"a\.vec:3 should hold"
    yield "a.vec", b"4 3\n" + text.replace(b"4.0", b"inf"), r"a\.vec:3: the vector is not finite"
    yield "a.vec", b"", r"a\.vec:1 should give"
    yield "a.vec.gz", gzip.compress(b"4 3\n" + text)[:-12], "damaged or cut short"
    yield "a.vec.gz", b"4 3\n" + text, "damaged or cut short"

    yield "a.txt", b"1 99999999999\nthe 1\n", "says 1 words of 99,999,999,999 dimensions, more than there can be"
    yield "a.txt", b"99999999999 3\n" + text, "more than there can be in it"
    yield "a.bin", b"1 99999999\nthe 1234", "more than there can be in it"
    yield "a.bin", b"2 99999\nthe 1234", "more than there can be in it"
    yield "a.vec.gz", gzip.compress(b"1 999999\nthe 1\n"), "more than there can be in it"


BROKEN = list(broken_files())


@pytest.mark.parametrize(("name", "content", "message"), BROKEN, ids=[f"{name}: {said}" for name, _, said in BROKEN])
def test_a_broken_word2vec_file_is_refused(
    load: Loader, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(word2vec(tmp_path / name))
    assert not list((tmp_path / "cache").rglob("*.npy"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"the 1 2 3 4\n", "holds vectors of 4 dimensions, not 3: set it to 4"),
        ("a.txt", b"4 3\nthe 1 2 3\n", r"a\.txt:1 is a header line"),
        ("a.txt", b"the\n", r"a\.txt:1 should hold a word and its numbers: is it a table of vectors"),
        ("a.txt", b"the 1 2 3\nfilm 1 2 x\n", r"a\.txt:2 should hold a word and 3 numbers"),
        ("a.txt", b"the 1 2 3\nfilm 1 2\nx 1 2 3 4\n", r"a\.txt:2 should hold"),
        ("a.txt", b"the 1 2 3\n\nx 1 2 3\n", r"a\.txt:2 should hold"),
        ("a.txt", b"", "no vector"),
        ("a.zip", b"not a zip", "damaged"),
    ],
)
def test_a_broken_glove_file_is_refused(load: Loader, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(glove(tmp_path / name))


def zipped(content: bytes) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.3d.txt", content)
    return stored.getvalue()


@pytest.mark.parametrize(
    ("mark", "offset", "value"),
    [
        (b"PK\x01\x02", 8, 1),  # encrypted
        (b"PK\x01\x02", 10, 99),  # by a method that Python lacks
        (b"PK\x01\x02", 42, 255),  # its place in the file
        (b"PK\x01\x02", 46, 255),  # another name
        (b"PK\x05\x06", 16, 255),  # where the list of names is
    ],
)
def test_a_zip_that_can_not_be_opened_is_one_line(
    load: Loader, tmp_path: Path, mark: bytes, offset: int, value: int
) -> None:
    content = bytearray(zipped(lines().encode()))
    content[content.index(mark) + offset] = value
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.zip (is damaged or cut short|has no)"):
        load(glove(tmp_path / "a.zip"))


@pytest.mark.parametrize("name", ["a.zip", "a.txt.gz"])
def test_a_byte_of_an_archive_that_has_changed_is_no_other_error(load: Loader, tmp_path: Path, name: str) -> None:
    whole = zipped(lines().encode()) if name == "a.zip" else gzip.compress(lines().encode())
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        (tmp_path / name).write_bytes(changed)
        with suppress(UserError):
            load(glove(tmp_path / name))


def test_a_line_that_fills_the_memory_is_refused(load: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmao.files.LONGEST_LINE", 1 << 10)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(lines().encode() + b"x" * 10_000))
    with pytest.raises(UserError, match=r"a\.txt\.gz:5: a line of more than"):
        load(glove(tmp_path / "a.txt.gz"))


def test_a_broken_line_is_named_however_far_down_it_is(
    load: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmao.vectors.text_tables.BYTES_AT_ONCE", 1)
    (tmp_path / "a.txt").write_text("the 1 2 3\n" * 6 + "film 1 x 3\n")
    with pytest.raises(UserError, match=r"a\.txt:7 "):
        load(glove(tmp_path / "a.txt"))


@pytest.mark.parametrize("name", ["table.txt", "table.bin", "glove.txt"])
def test_a_file_that_changes_while_it_is_read_is_refused_and_not_kept(
    load: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    first = {"table.txt": f"4 3\n{lines()}".encode(), "table.bin": binary(), "glove.txt": lines().encode()}[name]
    path.write_bytes(first)

    def write_then_change(*arguments: Any) -> None:
        write_blocks(*arguments)
        path.write_bytes(first.replace(b"the", b"The"))

    monkeypatch.setattr(loading, "write_blocks", write_then_change)
    with pytest.raises(Unavailable, match=r"vectors\.path: the file changed while it was read: run it again"):
        load(glove(path) if name == "glove.txt" else word2vec(path))
    monkeypatch.undo()
    path.write_bytes(first)
    assert not load(glove(path) if name == "glove.txt" else word2vec(path)).cached


def test_a_missing_file_and_a_folder_are_refused(load: Loader, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        load(glove(tmp_path / "missing.txt"))
    with pytest.raises(UserError, match="is a folder"):
        load(word2vec(tmp_path))


@pytest.mark.skipif("LMAO_TEST_GLOVE" not in os.environ, reason="LMAO_TEST_GLOVE: the path of glove.6B.50d.txt.gz")
def test_the_real_glove_table_is_read_exactly(load: Loader) -> None:
    path = Path(os.environ["LMAO_TEST_GLOVE"])
    vectors = load(glove(path, 50))
    words, expected = [], []
    with gzip.open(path, "rt", encoding="utf8") as file:
        for line, _ in zip(file, range(2000), strict=False):
            word, *numbers = line.split(" ")
            words.append(word)
            expected.append(np.array(numbers, np.float32))
    np.testing.assert_allclose(gathered(vectors, words), expected, rtol=1e-6)
    assert (vectors.size, vectors.dims) == (400_000, 50)
