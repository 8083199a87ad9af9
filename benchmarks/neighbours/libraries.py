"""Libraries for approximate search behind one interface: a table of unit rows comes in, an index to search goes out.

The graphs (HNSW, Malkov and Yashunin 2016) are built alike, `DEGREE` neighbours a node chosen of `BREADTH`; they, the
inverted file and the forest then differ in one number at search, the effort.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lmao.engine.parameters import Floats
from lmao.vectors import nearest

DEGREE = 16
BREADTH = 128
TREES = 50
EFFORTS = tuple(2**n for n in range(4, 13))
COMPILER = "it is compiled as it is installed: a C++ compiler"

Found = tuple[NDArray[np.int64], Floats]


class Index(Protocol):
    """Built for one table; searches on one thread."""

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        """Rows (n, k) and cosines (n, k) of unit queries (n, dims), k at most the table's rows; the best first."""

    def size(self) -> int:
        """Bytes of the index, saved, with the table in it."""


@dataclass(frozen=True)
class Library:
    """efforts: what the search may be given, ascending; needs: what its installation needs, if anything."""

    name: str
    module: str
    package: str
    efforts: Sequence[int]
    build: Callable[[Floats], Index]
    needs: str = ""

    @property
    def installed(self) -> bool:
        return find_spec(self.module) is not None


class Exact:
    def __init__(self, units: Floats) -> None:
        self._units = units

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        return nearest.nearest(queries, self._units, k)

    def size(self) -> int:
        return self._units.nbytes


class Usearch:
    def __init__(self, units: Floats) -> None:
        from usearch.index import Index as UsearchIndex

        self._index = UsearchIndex(
            ndim=units.shape[1], metric="ip", dtype="f32", connectivity=DEGREE, expansion_add=BREADTH
        )
        self._index.add(np.arange(len(units)), units, threads=1)

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        self._index.expansion_search = effort
        found = self._index.search(queries, k, threads=1)
        shape = (len(queries), k)
        return found.keys.astype(np.int64).reshape(shape), 1 - found.distances.reshape(shape)

    def size(self) -> int:
        return int(self._index.serialized_length)


class Hnswlib:
    def __init__(self, units: Floats) -> None:
        import hnswlib

        self._index = hnswlib.Index(space="ip", dim=units.shape[1])
        self._index.init_index(max_elements=len(units), M=DEGREE, ef_construction=BREADTH, random_seed=0)
        self._index.add_items(units, num_threads=1)

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        self._index.set_ef(effort)
        rows, distances = self._index.knn_query(queries, k=k, num_threads=1)
        return rows.astype(np.int64), 1 - distances

    def size(self) -> int:
        return int(self._index.index_file_size())


class Voyager:
    def __init__(self, units: Floats) -> None:
        import voyager

        self._index = voyager.Index(
            voyager.Space.InnerProduct, units.shape[1], M=DEGREE, ef_construction=BREADTH, random_seed=0,
            max_elements=len(units),
        )  # fmt: skip
        self._index.add_items(units, num_threads=1)

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        rows, distances = self._index.query(queries, k=k, num_threads=1, query_ef=effort)
        return rows.astype(np.int64), 1 - distances

    def size(self) -> int:
        return len(self._index.as_bytes())


class FaissGraph:
    """IndexHNSWFlat."""

    def __init__(self, units: Floats) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self._faiss = faiss
        self._index = faiss.IndexHNSWFlat(units.shape[1], DEGREE, faiss.METRIC_INNER_PRODUCT)
        self._index.hnsw.efConstruction = BREADTH
        self._index.add(units)

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        self._index.hnsw.efSearch = effort
        similarities, rows = self._index.search(queries, k)
        return rows, similarities

    def size(self) -> int:
        return len(self._faiss.serialize_index(self._index))


class FaissLists:
    """IndexIVFFlat: 4 √rows lists, as faiss advises; the effort is how many of them are searched."""

    def __init__(self, units: Floats) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self._faiss = faiss
        self._quantizer = faiss.IndexFlatIP(units.shape[1])
        lists = min(len(units), round(4 * len(units) ** 0.5))
        self._index = faiss.IndexIVFFlat(self._quantizer, units.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
        self._index.cp.min_points_per_centroid = 1  # or it warns of small tables
        self._index.train(units)
        self._index.add(units)

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        self._index.nprobe = effort
        similarities, rows = self._index.search(queries, k)
        return rows, similarities

    def size(self) -> int:
        return len(self._faiss.serialize_index(self._index))


class Annoy:
    """A forest of random hyperplanes; the effort is how many rows of its leaves are looked at, a tree."""

    def __init__(self, units: Floats) -> None:
        from annoy import AnnoyIndex

        self._index = AnnoyIndex(units.shape[1], "angular")
        self._index.set_seed(0)
        for row, values in enumerate(units):
            self._index.add_item(row, values)
        self._index.build(TREES, n_jobs=1)

    def nearest(self, queries: Floats, k: int, effort: int) -> Found:
        rows, similarities = np.full((len(queries), k), -1, dtype=np.int64), np.zeros((len(queries), k), np.float32)
        for i, query in enumerate(queries):
            found, distances = self._index.get_nns_by_vector(query, k, effort * TREES, include_distances=True)
            rows[i, : len(found)] = found
            similarities[i, : len(found)] = 1 - np.square(distances) / 2  # angular: the chord of two unit vectors
        return rows, similarities

    def size(self) -> int:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "index"
            self._index.save(str(path))
            return os.path.getsize(path)


LIBRARIES = (
    Library("exact", "numpy", "numpy", EFFORTS[:1], Exact),
    Library("usearch", "usearch", "usearch", EFFORTS, Usearch),
    Library("hnswlib", "hnswlib", "hnswlib", EFFORTS, Hnswlib, COMPILER),
    Library("voyager", "voyager", "voyager", EFFORTS, Voyager),
    Library("faiss HNSW", "faiss", "faiss-cpu", EFFORTS, FaissGraph),
    Library("faiss IVF", "faiss", "faiss-cpu", EFFORTS, FaissLists),
    Library("annoy", "annoy", "annoy", EFFORTS, Annoy, COMPILER),
)
