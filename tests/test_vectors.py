"""Vectors: what is trained or read is what is looked up, here and in stock spaCy."""

import gzip
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from numpy.typing import NDArray
from pydantic import TypeAdapter
from spacy.ml.staticvectors import StaticVectors as SpacyStaticVectors
from spacy.strings import StringStore
from spacy.vectors import Vectors

from lmao.cache import Cache
from lmao.config import AnyTable
from lmao.errors import UserError
from lmao.vectors import StaticVectors, TrainingTexts, load_vectors, of_target

FLORET: dict[str, Any] = {
    "name": "floret",
    "mode": "words",
    "dims": 8,
    "epochs": 2,
    "min_count": 2,
    "window": 3,
    "negatives": 3,
    "minn": 0,
    "maxn": 0,
    "buckets": 500,
    "hash_count": 2,
    "learn_rate": 0.05,
    "normalize": False,
    "threads": 1,
}
SUBWORDS = {"mode": "floret", "minn": 3, "maxn": 4}
SENTENCES = [
    "the film was good and the cast was good",
    "the film was bad and __label__x was late",
    "a good cast in a bad film __label__x",
    "naïve rare1 rare2 films are bad",
]
TABLE = {"the": [1.0, 2.0, 2.0], "Film": [0.0, 3.0, 4.0], "naïve": [0.5, -1.5, 2.5], "film": [0.0, 0.0, 0.0]}

Load = Callable[..., StaticVectors]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads vectors through a cache in this test's folder."""

    def load_with(
        settings: dict[str, Any],
        sentences: list[str] = SENTENCES,
        say: Callable[[str], None] = lambda line: None,
    ) -> StaticVectors:
        ids = {word: i for i, word in enumerate(sorted({word for line in sentences for word in line.split()}))}
        documents = [np.array([ids[word] for word in line.split()], np.int32) for line in sentences]
        texts = TrainingTexts({"sentences": sentences}, list(ids), lambda: iter(documents))
        config = TypeAdapter[Any](AnyTable).validate_python(settings)
        vectors = load_vectors(config, Cache(tmp_path / "cache", print), texts, say)
        assert vectors is not None
        return vectors

    return load_with


def word2vec(path: Path, normalize: bool = False) -> dict[str, Any]:
    return {"name": "word2vec", "path": str(path), "normalize": normalize}


def glove(path: Path, dims: int = 3) -> dict[str, Any]:
    return {"name": "glove", "path": str(path), "dims": dims, "normalize": False}


def lines(table: dict[str, list[float]] = TABLE) -> str:
    return "".join(f"{word} {' '.join(map(str, numbers))}\n" for word, numbers in table.items())


def binary(table: dict[str, list[float]] = TABLE, after: bytes = b"\n") -> bytes:
    rows = [word.encode() + b" " + struct.pack("<3f", *numbers) + after for word, numbers in table.items()]
    return f"{len(table)} 3\n".encode() + b"".join(rows)


def gathered(vectors: StaticVectors, words: list[str]) -> NDArray[np.float32]:
    rows, table = vectors.look_up(words)
    assert rows.dtype == np.int32 and table.dtype == np.float32
    assert (rows >= 0).all()
    return table[rows]


def test_no_vectors_are_none(tmp_path: Path) -> None:
    config = TypeAdapter[Any](AnyTable).validate_python({"name": "none"})
    assert load_vectors(config, Cache(tmp_path, print), TrainingTexts({}, [], lambda: iter([])), print) is None


# Trained


def test_training_gives_a_row_to_each_frequent_word_and_to_no_other(load: Load) -> None:
    vectors = load(FLORET)
    rows, table = vectors.look_up(["film", "rare1", "unseen", "film", "__label__x", "</s>", ""])
    assert (rows >= 0).tolist() == [True, False, False, True, True, False, False]
    assert rows[0] == rows[3] and table.shape == (2, 8)
    assert (vectors.name, vectors.dims, vectors.cached) == ("floret", 8, False)


def test_training_again_gives_the_same_bytes_and_says_nothing(
    load: Load, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = load(FLORET)
    assert load(FLORET).cached and load(FLORET).digest == first.digest
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    again = load(FLORET)
    assert not again.cached and again.digest == first.digest
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("change", [{"epochs": 3}, {"window": 1}, {"learn_rate": 0.2}, {"negatives": 1}, {"dims": 9}])
def test_each_setting_of_the_training_acts(load: Load, change: dict[str, Any]) -> None:
    sentences = SENTENCES * 100  # floret leaves most of the very frequent words out
    changed = load({**FLORET, **change}, sentences)
    assert not changed.cached and changed.digest != load(FLORET, sentences).digest


def test_other_texts_are_other_vectors(load: Load) -> None:
    assert load(FLORET, SENTENCES).digest != load(FLORET, SENTENCES * 2).digest


def test_words_with_subwords_are_the_mean_of_their_rows(load: Load) -> None:
    plain, with_subwords = load(FLORET), load({**FLORET, "minn": 3, "maxn": 4})
    assert not np.allclose(gathered(plain, ["film"]), gathered(with_subwords, ["film"]))
    assert with_subwords.look_up(["rare1"])[0].tolist() == [-1]


@pytest.mark.parametrize("normalize", [False, True])
def test_floret_mode_gives_every_word_the_vector_that_spacy_gives_it(load: Load, normalize: bool) -> None:
    vectors = load({**FLORET, **SUBWORDS, "normalize": normalize}, SENTENCES * 100)
    assert vectors.size == FLORET["buckets"]
    words = ["film", "unseen", "naïve", "x", "film", "映画"]
    strings = StringStore(words)
    expected = vectors.to_spacy(strings).get_batch(words)
    np.testing.assert_allclose(gathered(vectors, words), expected, rtol=1e-6)
    assert vectors.look_up([""])[0].tolist() == [-1]


def test_normalised_floret_tables_are_scaled_as_a_whole(load: Load) -> None:
    words = ["film", "good", "unseen"]
    plain = gathered(load({**FLORET, **SUBWORDS}), words)
    scaled = gathered(load({**FLORET, **SUBWORDS, "normalize": True}), words)
    factors = scaled / plain
    np.testing.assert_allclose(factors, factors[0, 0], rtol=1e-4)
    assert 0.5 < np.linalg.norm(scaled[0]) < 2


@pytest.mark.parametrize("sentences", [[], ["once only here"], ["word word word"]])
def test_texts_without_frequent_words_are_refused(load: Load, sentences: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="min_count"):
        load(FLORET, sentences)
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_too_few_buckets_to_learn_anything_are_refused(load: Load) -> None:
    with pytest.raises(UserError, match=r"vectors\.buckets: 20 are too few beside 9 words"):
        load({**FLORET, **SUBWORDS, "buckets": 20})


def test_a_training_that_diverges_is_refused(load: Load) -> None:
    with pytest.raises(UserError, match="diverged"):
        load({**FLORET, "learn_rate": 1e30}, SENTENCES * 100)


# Read from files


def test_glove_is_read_from_text_gz_and_the_official_zip(load: Load, tmp_path: Path) -> None:
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


def test_all_word2vec_formats_give_one_table(load: Load, tmp_path: Path) -> None:
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
    load: Load, tmp_path: Path
) -> None:
    table = {"Film": [1.0, 0, 0], "film": [2.0, 0, 0], "FILM": [3.0, 0, 0], "Rome": [4.0, 0, 0], "ROME": [5.0, 0, 0]}
    (tmp_path / "a.bin").write_bytes(binary(table))
    vectors = load(word2vec(tmp_path / "a.bin"))
    assert gathered(vectors, ["film", "rome"])[:, 0].tolist() == [2, 4]
    assert vectors.size == 2


def test_words_with_spaces_inside_are_read(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("the 1 2 3\n. . 4 5 6\nat x 7 8 9\n")
    assert gathered(load(glove(tmp_path / "a.txt")), [". .", "at x"]).tolist() == [[4, 5, 6], [7, 8, 9]]


def test_normalised_rows_have_length_one_and_zero_rows_stay_zero(load: Load, tmp_path: Path) -> None:
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


def test_a_fasttext_model_gives_words_the_mean_of_their_rows(load: Load, tmp_path: Path) -> None:
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
    yield "a.bin", binary() + b"film" + bytes(12), "goes on after the 4 words"
    yield "a.bin", binary({"the": [1, float("nan"), 2]}), "'the' is not finite"
    yield "a.bin", b"GIF89a\x00\x01\x02\n", "number of words"
    yield "a.bin", b"4 1000000000\nthe " + bytes(100), "ends or breaks after 0"
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


@pytest.mark.parametrize(("name", "content", "message"), list(broken_files()))
def test_a_broken_word2vec_file_is_refused(load: Load, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(word2vec(tmp_path / name))
    assert not list((tmp_path / "cache").rglob("*.npy"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"the 1 2 3 4\n", "holds vectors of 4 dimensions, not 3: set vectors.dims=4"),
        ("a.txt", b"4 3\nthe 1 2 3\n", r"a\.txt:1 is a header line"),
        ("a.txt", b"the 1 2 3\nfilm 1 2 x\n", r"a\.txt:2 should hold a word and 3 numbers"),
        ("a.txt", b"the 1 2 3\nfilm 1 2\nx 1 2 3 4\n", r"a\.txt:2 should hold"),
        ("a.txt", b"the 1 2 3\n\nx 1 2 3\n", r"a\.txt:2 should hold"),
        ("a.txt", b"", "no vector"),
        ("a.zip", b"not a zip", "damaged"),
    ],
)
def test_a_broken_glove_file_is_refused(load: Load, tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        load(glove(tmp_path / name))


def test_a_broken_line_is_named_however_far_down_it_is(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmao.vectors.text_tables.BYTES_AT_ONCE", 1)
    (tmp_path / "a.txt").write_text("the 1 2 3\n" * 6 + "film 1 x 3\n")
    with pytest.raises(UserError, match=r"a\.txt:7 "):
        load(glove(tmp_path / "a.txt"))


def test_a_missing_file_and_a_folder_are_refused(load: Load, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        load(glove(tmp_path / "missing.txt"))
    with pytest.raises(UserError, match="is a folder"):
        load(word2vec(tmp_path))


# spaCy pipelines


def saved_pipeline(path: Path, vectors: Vectors | None = None) -> dict[str, Any]:
    nlp = spacy.blank("en")
    if vectors is not None:
        nlp.vocab.vectors = vectors
    nlp.to_disk(path)
    return {"name": "spacy", "path": str(path), "normalize": False}


def test_a_pipeline_s_table_is_read_with_several_words_to_a_row(load: Load, tmp_path: Path) -> None:
    vectors = Vectors(strings=StringStore(), data=np.array([[1, 0], [2, 0], [3, 0]], np.float32))
    for word, row in [("The", 1), ("film", 2), ("movie", 2), ("FILM", 0)]:
        vectors.add(vectors.strings.add(word), row=row)
    loaded = load(saved_pipeline(tmp_path / "model", vectors))
    assert gathered(loaded, ["the", "film", "movie"])[:, 0].tolist() == [2, 3, 3]
    assert loaded.size == 2 and loaded.look_up(["The"])[0].tolist() == [-1]


def test_a_pipeline_s_floret_table_is_read(load: Load, tmp_path: Path) -> None:
    trained = load({**FLORET, **SUBWORDS})
    settings = saved_pipeline(tmp_path / "model", trained.to_spacy(StringStore()))
    loaded = load(settings)
    assert gathered(loaded, ["film", "unseen"]).tolist() == gathered(trained, ["film", "unseen"]).tolist()
    with pytest.raises(UserError, match="normalize=false"):
        load({**settings, "normalize": True})


def test_a_missing_package_and_a_pipeline_without_vectors_are_refused(load: Load, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="python -m spacy download en_core_web_none"):
        load({"name": "spacy", "path": "en_core_web_none", "normalize": False})
    with pytest.raises(UserError, match="no vectors"):
        load(saved_pipeline(tmp_path / "model"))
    with pytest.raises(UserError, match="no spaCy pipeline"):
        load({"name": "spacy", "path": str(tmp_path), "normalize": False})


@pytest.mark.parametrize("settings", [FLORET, {**FLORET, **SUBWORDS}])
def test_a_reloaded_pipeline_looks_words_up_by_their_lower_cased_form(
    load: Load, tmp_path: Path, settings: dict[str, Any]
) -> None:
    vectors = load(settings, SENTENCES * 100)
    assert np.abs(gathered(vectors, ["film", "good"])).max(axis=1).all()
    nlp = spacy.blank("en")
    nlp.vocab.vectors = vectors.to_spacy(nlp.vocab.strings)
    nlp.to_disk(tmp_path / "model")
    nlp = spacy.load(tmp_path / "model")
    assert type(nlp.vocab.vectors) is Vectors
    layer = SpacyStaticVectors(nO=vectors.dims, nM=vectors.dims)
    layer.initialize()
    layer.set_param("W", np.eye(vectors.dims, dtype=np.float32))
    output = layer.predict([nlp("FILM Good")]).dataXd
    np.testing.assert_allclose(output, gathered(vectors, ["film", "good"]), rtol=1e-5)


@pytest.mark.skipif("LMAO_TEST_GLOVE" not in os.environ, reason="LMAO_TEST_GLOVE: the path of glove.6B.50d.txt.gz")
def test_the_real_glove_table_is_read_exactly(load: Load) -> None:
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


def test_a_training_is_announced(load: Load) -> None:
    lines: list[str] = []
    load(FLORET, say=lines.append)
    load(FLORET, say=lines.append)
    assert lines == ["training floret, 8-d, 2 epochs: some minutes for every 10 M words, once"]


def test_an_error_of_the_predicted_table_names_its_settings() -> None:
    with (
        pytest.raises(UserError, match=r"^vectors\.target\.path: no my\.vectors\.vec: set vectors\.target\.dims$"),
        of_target(),
    ):
        raise UserError("vectors.path: no my.vectors.vec: set vectors.dims")
