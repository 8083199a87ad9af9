"""The exact search beside plain numpy; every installed library beside the exact search; the bench as a user runs it."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rich.console
from numpy.typing import NDArray

from benchmarks.neighbours.__main__ import bench
from benchmarks.neighbours.bench import OWN_NEAREST, Measurement, fastest, measure, noisy_queries, recall
from benchmarks.neighbours.libraries import LIBRARIES, Index, Library
from benchmarks.neighbours.tables import read_table
from lmao.engine.parameters import Floats
from lmao.errors import UserError
from lmao.stop import Stopped
from lmao.vectors.nearest import QUERIES_AT_ONCE, ROWS_AT_ONCE, nearest, unit_rows


@pytest.fixture(scope="module")
def clustered() -> Floats:
    """(2000, 24), unit: a hundred clusters, as words have."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(100, 24))[generator.integers(100, size=2000)]
    return unit_rows((centres + 0.5 * generator.normal(size=(2000, 24))).astype(np.float32))


def brute_force(queries: Floats, units: Floats, k: int) -> tuple[NDArray[np.int64], Floats]:
    similarities = unit_rows(queries) @ units.T
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return rows, np.take_along_axis(similarities, rows, axis=1)


@pytest.mark.parametrize("k", [1, 10])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_nearest_rows_are_those_of_plain_numpy_over_all_blocks(k: int, threads: int) -> None:
    generator = np.random.default_rng(0)
    units = unit_rows(generator.normal(size=(3 * ROWS_AT_ONCE + 70, 12)).astype(np.float32))
    queries = generator.normal(size=(2 * QUERIES_AT_ONCE + 5, 12)).astype(np.float32)
    rows, similarities = nearest(queries, units, k, threads)
    expected_rows, expected = brute_force(queries, units, k)
    np.testing.assert_array_equal(rows, expected_rows)
    np.testing.assert_allclose(similarities, expected, atol=1e-6)
    assert rows.dtype == np.int64 and similarities.dtype == np.float32


def test_a_row_is_its_own_nearest_wherever_its_block_lies(clustered: Floats) -> None:
    rows = np.array([0, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, len(clustered) - 1])
    found, similarities = nearest(clustered[rows], clustered)
    np.testing.assert_array_equal(found[:, 0], rows)
    np.testing.assert_allclose(similarities, 1, atol=1e-6)


def test_threads_change_no_bit(clustered: Floats) -> None:
    queries = np.random.default_rng(1).normal(size=(3 * QUERIES_AT_ONCE, 24)).astype(np.float32)
    for one, three in zip(nearest(queries, clustered, 5), nearest(queries, clustered, 5, threads=3), strict=True):
        np.testing.assert_array_equal(one, three)


def test_similarities_are_cosines_whatever_the_length_of_a_query(clustered: Floats) -> None:
    np.testing.assert_allclose(nearest(7 * clustered[:3], clustered)[1], 1, atol=1e-6)


def test_of_equal_rows_the_first_is_the_nearer() -> None:
    units = np.tile(np.eye(4, dtype=np.float32), (300, 1))
    rows, similarities = nearest(np.eye(4, dtype=np.float32)[[2]], units, 3)
    np.testing.assert_array_equal(rows, [[2, 6, 10]])
    np.testing.assert_array_equal(similarities, [[1, 1, 1]])


def test_more_neighbours_than_rows_are_all_rows() -> None:
    rows, similarities = nearest(np.array([[1, 0.5]], dtype=np.float32), np.eye(2, dtype=np.float32), 5)
    np.testing.assert_array_equal(rows, [[0, 1]])
    assert similarities[0, 0] > similarities[0, 1] > 0


def test_no_queries_have_no_neighbours(clustered: Floats) -> None:
    rows, similarities = nearest(np.zeros((0, 24), dtype=np.float32), clustered, 3)
    assert rows.shape == similarities.shape == (0, 3)


def test_zeros_stay_zeros_and_are_near_nothing() -> None:
    assert not unit_rows(np.zeros((2, 3), dtype=np.float32)).any()
    assert nearest(np.zeros((1, 2), dtype=np.float32), np.eye(2, dtype=np.float32))[1] == 0


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_a_library_finds_nearly_what_the_exact_search_finds(library: Library, clustered: Floats) -> None:
    if not library.installed:
        pytest.skip(f"{library.package} is not installed")
    generator = np.random.default_rng(2)
    queries = unit_rows(clustered[:200] + 0.1 * generator.normal(size=(200, 24)).astype(np.float32))
    rows, _ = nearest(queries, clustered, 10)
    index = library.build(clustered)
    found, cosines = index.nearest(queries, 10, effort=256)
    assert (found[:, :1] == rows[:, :1]).mean() > 0.98
    assert np.mean([len(set(a) & set(b)) for a, b in zip(found, rows, strict=True)]) > 9.5
    np.testing.assert_allclose(cosines, np.einsum("ij,ikj->ik", queries, clustered[found]), atol=1e-5)
    assert index.size() >= clustered.nbytes


def test_recall_counts_rows_that_tie_and_none_that_are_missing() -> None:
    units = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    queries = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    truth = nearest(queries, units, 1)[1]
    found = np.array([[0], [1], [2], [-1]])
    assert recall((found, truth), units, queries, truth) == 0.5


def test_the_queries_row_is_the_nearest_of_half_of_them(clustered: Floats) -> None:
    queries = noisy_queries(clustered)
    assert queries.own == pytest.approx(OWN_NEAREST, abs=0.03)
    assert 0.3 < queries.cosine < 0.9
    np.testing.assert_allclose(np.linalg.norm(queries.rows, axis=1), 1, atol=1e-5)


def test_a_library_gets_the_least_effort_that_is_enough(clustered: Floats) -> None:
    """Blind: finds nothing below effort 64, everything from there on."""

    class Blind:
        def __init__(self, units: Floats) -> None:
            self.units = units

        def nearest(self, queries: Floats, k: int, effort: int) -> tuple[NDArray[np.int64], Floats]:
            rows, similarities = nearest(queries, self.units, k)
            return (rows if effort >= 64 else np.full_like(rows, -1)), similarities

        def size(self) -> int:
            return 1

    queries = clustered[:50]
    blind = replace(LIBRARIES[1], build=Blind)
    measured = measure(blind, clustered, queries, nearest(queries, clustered, 10)[1])
    assert (measured.effort, measured.recall_1, measured.recall_10) == (64, 1, 1)


def test_the_best_is_the_fastest_that_finds_enough() -> None:
    def measured(name: str, recall_1: float, rate: float) -> Measurement:
        return Measurement(replace(LIBRARIES[0], name=name), 16, recall_1, 0.9, rate, 1.0, 1)

    lines = [measured("exact", 1, 10), measured("good", 0.96, 20), measured("fast", 0.94, 99), measured("slow", 1, 9)]
    assert fastest(lines).library.name == "good"


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_tables_of_all_kinds_are_read_alike(tmp_path: Path) -> None:
    lines = "the 3 4\nfilm 0 2\nempty 0 0\n"
    expected = np.array([[0.6, 0.8], [0, 1]], dtype=np.float32)
    np.save(tmp_path / "a.npy", np.array([[3, 4], [0, 2], [0, 0]], dtype=np.float64))
    binary = b"2 2\n" + b"".join(
        word + np.array(row, "<f4").tobytes() for word, row in ((b"a ", [3, 4]), (b"b ", [0, 2]))
    )
    (tmp_path / "w.bin").write_bytes(binary)
    found = [
        read_table(write(tmp_path / "g.txt", lines)),
        read_table(write(tmp_path / "w.vec", "3 2\n" + lines)),
        read_table(str(tmp_path / "a.npy")),
        read_table(str(tmp_path / "w.bin")),
    ]
    for table in found:
        np.testing.assert_allclose(table, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.txt", None, "there is no file"),
        ("en_core_web_none", None, "neither an installed pipeline nor the folder of one"),
        ("table.csv", "a,1", "is of no kind that is known here"),
        ("empty.txt", "", "is empty"),
        ("cut.vec", "3 2\na 1.000000 2.000000\n", "says 3 words, but 1 follow"),
        ("bad.txt", "a 1 2\nb 1 x\n", "bad.txt:2 should hold a word and 2 numbers"),
        ("zeros.txt", "a 0 0\n", "has no row that is not zeros"),
        ("no.npy", "text", "not an array that numpy saved"),
        (".", None, "has no vocab/vectors"),
    ],
)
def test_what_is_no_table_is_one_line(
    name: str, content: str | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        write(Path(name), content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(name)
    assert "\n" not in str(caught.value) and "vectors.path" not in str(caught.value)


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bench_has_a_line_for_each_library_and_one_for_the_best(
    terminal: bool,
    clustered: Floats,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    np.save(tmp_path / "table.npy", clustered)
    absent = Library("magic", "no_such_module", "magic-search", (1,), LIBRARIES[0].build, "a C++ compiler")
    monkeypatch.setattr("benchmarks.neighbours.__main__.LIBRARIES", (LIBRARIES[0], absent))
    console = rich.console.Console(force_terminal=terminal, width=120, highlight=False)
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    bench(str(tmp_path / "table.npy"))
    printed = capsys.readouterr().out
    assert "2,000 rows of 24 dimensions" in printed
    assert ("| exact |" in printed) is not terminal
    assert "magic is not installed: pip install magic-search (a C++ compiler)" in printed
    assert printed.strip().splitlines()[-1].startswith("best for k = 1: exact")


def test_a_signal_ends_the_bench_though_a_library_makes_an_error_of_it(
    clustered: Floats, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(units: Floats) -> Index:
        try:
            signal.raise_signal(signal.SIGTERM)
        except Stopped:
            raise RuntimeError("Operation has been terminated") from None
        raise AssertionError

    np.save(tmp_path / "table.npy", clustered)
    monkeypatch.setattr("benchmarks.neighbours.__main__.LIBRARIES", (replace(LIBRARIES[0], build=build),))
    with pytest.raises(Stopped):
        bench(str(tmp_path / "table.npy"))


def test_bad_input_is_one_line_with_exit_code_2(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.neighbours", str(tmp_path / "none.vec")]
    process = subprocess.run(command, capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("error: there is no file") and process.stderr.count("\n") == 1
