"""Texts without columns, and files of other programs: fastText's, a folder a class, Parquet, Hugging Face data sets."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from lmao.data.files import read_texts
from lmao.data.parts import PartedSource
from lmao.errors import UserError
from tests.support.sources import ROWS, documents, files, jsonl, message, source, write


def read(path: Path, **settings: Any) -> tuple[list[tuple[str, str | None]], list[str]]:
    """Texts with labels, and what the line `data` says."""
    opened = source(files(path, **settings))
    assert isinstance(opened, PartedSource)
    found = [(document.text, document.label) for document in opened.documents()]
    return found, opened.notes


def test_fasttext_lines_have_their_label_in_them(tmp_path: Path) -> None:
    content = "__label__pos a good film\n\n__label__neg\ta bad one\nalso good __label__pos\n"
    found = [("a good film", "pos"), ("a bad one", "neg"), ("also good", "pos")]
    for name in ("a.txt", "a.txt.gz", "cooking"):
        assert read(write(tmp_path / name, content)) == (found, ["fastText"])
    labelled = write(tmp_path / "b.jsonl", jsonl(ROWS))
    texts = documents(files(labelled, unlabelled_path=tmp_path / "a.txt"))[len(ROWS) :]
    assert [(d.text, d.label) for d in texts] == [(text, None) for text, _ in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("__label__a __label__b x", ":2: 2 labels ('a', 'b'): give each text one"),
        ("no label", ":2: no __label__ in it"),
        ("__label__ x", ":2: no __label__ in it"),
    ],
)
def test_fasttext_lines_without_one_label_are_refused(tmp_path: Path, line: str, expected: str) -> None:
    path = write(tmp_path / "a.txt", f"__label__a x\n{line}\n")
    assert f"{path}{expected}" in message(files(path))


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    """A folder a class, as they are: with a README, and files that a file manager left."""
    texts = {"pos/1.txt": "good\nfilm", "pos/deep/2.txt": "very good", "neg/1": "bad", "neg/10.2": "worse"}
    for name, text in {**texts, "README.md": "about", "pos/.DS_Store": "\0", ".git/x.py": ""}.items():
        path = tmp_path / "classes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "classes"


def test_a_folder_a_class_is_labelled_by_its_names(classes: Path, tmp_path: Path) -> None:
    found = [("bad", "neg"), ("worse", "neg"), ("good\nfilm", "pos"), ("very good", "pos")]
    assert read(classes) == (found, ["a folder a class"])
    labelled = write(tmp_path / "b.jsonl", jsonl(ROWS))
    (classes / "README.md").unlink()
    texts = documents(files(labelled, unlabelled_path=classes))[len(ROWS) :]
    assert [(d.text, d.label) for d in texts] == [(text, None) for text, _ in found]


def test_a_label_with_an_accent_is_the_same_however_a_file_system_writes_it(tmp_path: Path) -> None:
    for name in ("e\N{COMBINING ACUTE ACCENT}conomie", "sport"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text("a text")
    assert {document.label for document in documents(files(tmp_path))} == {
        "\N{LATIN SMALL LETTER E WITH ACUTE}conomie",
        "sport",
    }


def test_a_folder_a_class_has_a_fingerprint_of_names_and_texts(classes: Path) -> None:
    before = source(files(classes)).fingerprint()
    (classes / "pos" / "1.txt").rename(classes / "neg" / "1.txt")
    moved = source(files(classes)).fingerprint()
    assert moved != before
    (classes / "neg" / "1.txt").write_text("worst")
    assert source(files(classes)).fingerprint() != moved


def test_a_text_may_have_the_lines_of_an_old_mac_but_a_list_of_texts_may_not(classes: Path, tmp_path: Path) -> None:
    (classes / "pos" / "1.txt").write_bytes(b"good\rfilm")
    assert "good\rfilm" in [document.text for document in documents(files(classes))]
    (tmp_path / "raw.txt").write_bytes(b"one\rtwo\r")
    with pytest.raises(UserError, match=r"raw\.txt: its lines end in CR alone: save it with LF or CR LF"):
        list(read_texts(tmp_path / "raw.txt", "text"))


def test_folders_of_parts_are_no_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("pos", "neg"):
            (tmp_path / part / label).mkdir(parents=True)
            (tmp_path / part / label / "1.txt").write_text(f"{part} {label}")
    assert message(files(tmp_path)) == (
        f"{tmp_path}: its folders, test and train, are no labels: "
        "name the one to train on as data.path, and the others as data.dev_path or data.test_path"
    )
    assert len(documents(files(tmp_path / "train", test_path=tmp_path / "test"))) == 4


def test_linked_folders_belong_to_it_and_a_link_upwards_has_an_end(classes: Path, tmp_path: Path) -> None:
    before = documents(files(classes))
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "9.txt").write_text("a linked text")
    (classes / "pos" / "more").symlink_to(tmp_path / "more")
    (classes / "pos" / "up").symlink_to(classes)
    (tmp_path / "more" / "back").symlink_to(classes / "pos")
    opened = source(files(classes))
    first = opened.fingerprint()
    assert len(list(opened.documents())) == len(before) + 1
    (tmp_path / "more" / "9.txt").write_text("another text")
    assert opened.fingerprint() != first


def test_folders_without_texts_of_classes_are_refused(classes: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty: no folders with texts in it" in message(files(tmp_path / "empty"))
    (classes / "pos" / "table.csv").write_text("text,label\n")
    assert message(files(classes)).startswith(f"{classes / 'pos' / 'table.csv'}: in a folder a class, texts are .txt")
    with pytest.raises(UserError, match=r"in a folder of texts, texts are \.txt files: name a file"):
        list(read_texts(classes, "text"))
    (classes / "pos" / "table.csv").unlink()
    (classes / "pos" / "1.txt").write_text(" ")
    assert [d.text for d in documents(files(classes))] == ["bad", "worse", "very good"]


def table(**columns: Any) -> pa.Table:
    return pa.table({"text": [row["text"] for row in ROWS], **columns})


NAMES = ["neg", "pos"]
FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": {"names": NAMES, "_type": "ClassLabel"},
}
METADATA = {b"huggingface": json.dumps({"info": {"features": FEATURES}}).encode()}
EXPECTED = [(row["text"], row["label"]) for row in ROWS]


def saved(folder: Path, shards: int = 2) -> Path:
    """As `Dataset.save_to_disk` writes it."""
    folder.mkdir()
    numbers = table(label=[NAMES.index(row["label"]) for row in ROWS]).replace_schema_metadata(METADATA)
    names = [f"data-{i:05}-of-{shards:05}.arrow" for i in range(shards)]
    size = len(ROWS) // shards
    for i, name in enumerate(names):
        part = numbers.slice(i * size, size)
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, part.schema) as stream:
            stream.write_table(part)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": FEATURES}))
    return folder


def test_parquet_has_texts_and_labels_of_any_type(tmp_path: Path) -> None:
    names = [row["label"] for row in ROWS]
    path = tmp_path / "a.parquet"
    for labels in (names, pa.array(names).dictionary_encode(), pa.array([[name] for name in names])):
        parquet.write_table(table(label=labels, other=np.zeros(len(ROWS))), path)
        assert read(path) == (EXPECTED, ["Parquet"])
    numbers = [NAMES.index(name) for name in names]
    parquet.write_table(table(kind=numbers), path)
    assert read(path, label_column="kind")[0] == [(text, str(NAMES.index(name))) for text, name in EXPECTED]
    parquet.write_table(table(label=numbers).replace_schema_metadata(METADATA), path)
    assert read(path)[0] == EXPECTED


@pytest.mark.parametrize(
    "feature",
    [
        [FEATURES["label"]],
        {"feature": FEATURES["label"], "_type": "Sequence"},
        {"feature": [FEATURES["label"]], "_type": "List"},
    ],
)
def test_parquet_with_lists_of_classes(tmp_path: Path, feature: Any) -> None:
    """A list stands in brackets where datasets before version 4 wrote it."""
    metadata = {b"huggingface": json.dumps({"info": {"features": {**FEATURES, "label": feature}}}).encode()}
    numbers = [[NAMES.index(row["label"])] for row in ROWS]
    parquet.write_table(table(label=numbers).replace_schema_metadata(metadata), tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == EXPECTED


def test_a_saved_data_set_has_the_names_of_its_classes(tmp_path: Path) -> None:
    folder = saved(tmp_path / "saved")
    assert read(folder) == (EXPECTED, ["Hugging Face data set"])
    assert documents(files(folder))[5].place == f"{folder / 'data-00001-of-00002.arrow'}: row 2"


def test_a_data_set_that_the_library_saved_is_read(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="Hugging Face's library is not installed")
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=NAMES))
    columns = {"text": [text for text, _ in EXPECTED], "label": [label for _, label in EXPECTED]}
    made = datasets.Dataset.from_dict(columns, features)
    made.save_to_disk(tmp_path / "one", num_shards=3)
    assert read(tmp_path / "one")[0] == EXPECTED
    made.to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == EXPECTED
    datasets.DatasetDict(train=made, test=made.select([2, 3])).save_to_disk(tmp_path / "two")
    assert read(tmp_path / "two" / "test")[0] == EXPECTED[2:4]
    assert "several data sets (test, train)" in message(files(tmp_path / "two"))


def test_what_is_wrong_with_a_table_of_arrow_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    numbers = table(label=[0, 1, -1, 0, 1, 0, 1, 5]).replace_schema_metadata(METADATA)
    parquet.write_table(numbers, path)
    assert f"{path}: row 8: there is no class 5, only 2" in message(files(path))
    parquet.write_table(numbers.slice(0, 7), path)
    assert "1 without a label, unlabelled texts" in read(path)[1]
    parquet.write_table(table(kind=[""] * len(ROWS)), path)
    assert (
        f"{path}: row 1: no column 'label', there is 'text', 'kind': set data.label_column, one for all files"
        in message(files(path))
    )
    parquet.write_table(pa.table([["a"], ["b"], ["c"]], names=["text", "label", "label"]), path)
    assert f"{path}: two columns are called 'label'" in message(files(path))
    path.write_bytes(path.read_bytes()[:-9])
    assert f"{path}: damaged or incomplete" in message(files(path))
    path.write_bytes(b"")
    assert f"{path}: damaged or incomplete" in message(files(path))


def test_what_is_wrong_with_a_saved_data_set_is_one_line(tmp_path: Path) -> None:
    folder = saved(tmp_path / "saved")
    (folder / "data-00000-of-00002.arrow").write_bytes(b"nothing")
    assert "data-00000-of-00002.arrow: damaged or incomplete" in message(files(folder))
    (folder / "data-00000-of-00002.arrow").unlink()
    assert "data-00000-of-00002.arrow" in message(files(folder))
    (folder / "state.json").write_text("{}")
    assert "state.json: damaged or incomplete" in message(files(folder))
    saved(tmp_path / "train")
    (tmp_path / "dataset_dict.json").write_text("{}")
    shutil.rmtree(folder)
    with pytest.raises(UserError, match=r"several data sets \(train\): name one, data\.path=.*/train"):
        source(files(tmp_path))


def test_an_offset_beyond_the_texts_is_one_line(tmp_path: Path) -> None:
    folder = saved(tmp_path / "saved", shards=1)
    path = folder / "data-00000-of-00001.arrow"
    offsets = np.cumsum([0, *(len(row["text"]) for row in ROWS)], dtype=np.int32)
    content = path.read_bytes()
    assert content.count(offsets.tobytes()) == 1
    beyond = offsets + (offsets == offsets[-1])
    path.write_bytes(content.replace(offsets.tobytes(), beyond.tobytes()))
    assert f"{path}: damaged or incomplete" in message(files(folder))
