"""The readers that are fuzzed."""

from benchmarks.faults.command_readers import commands, own_settings
from benchmarks.faults.file_readers import archives, binary_texts, texts, word_vectors
from benchmarks.faults.reader import Reader
from benchmarks.faults.run_readers import caches, models, runs

READERS = {
    "texts": Reader("Texts: CSV, TSV, JSON, annotation tools' exports, fastText's, folders, plain and packed", texts),
    "binary_texts": Reader("Texts: Parquet, Hugging Face's data sets, DocBin", binary_texts),
    "vectors": Reader("Vectors: GloVe, word2vec text and binary, fastText's models, spaCy pipelines", word_vectors),
    "archives": Reader("Archives: GloVe's zip, IMDB's tar.gz", archives),
    "caches": Reader("Caches: a damaged entry is refused, or what it was", caches),
    "runs": Reader("Runs' folders: what has changed is refused", runs, n=5_000),
    "models": Reader("model/ copied out of its run", models, n=500),
    "commands": Reader("Command lines: overrides of single runs and sweeps", commands, n=2_000),
    "own_settings": Reader("A user's own YAML", own_settings, n=2_000),
}
