"""`python -m benchmarks.exported RUN`: IMDB's test reviews through stock spaCy and a run's exported model, against the
scores that the run itself kept (`evaluate_test=true`)."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from omegaconf import OmegaConf

from benchmarks.setting import settings_of
from lmao import cli
from lmao.cache import open_cache
from lmao.data.source import open_source
from lmao.errors import UserError

ALONE = """
import json, sys
import spacy
nlp = spacy.load(sys.argv[1])
texts = (json.loads(line) for line in open(sys.argv[2], encoding="utf-8"))
labels = nlp.get_pipe("textcat").labels
for doc in nlp.pipe(texts, batch_size=64):
    print(json.dumps([doc.cats[label] for label in labels]))
assert not any(name.partition(".")[0] == "lmao" for name in sys.modules)
"""


def main() -> int:
    parser = cli.Parser(prog="python -m benchmarks.exported", description=__doc__)
    parser.add_argument("run", type=Path, help="a run's folder, with its model and predictions.npz")
    parser.add_argument("--data", help="aclImdb_v1.tar.gz or its folder (downloaded if not given)")
    options = parser.parse_args()
    return cli.main(lambda: print(compare(options.run, options.data)))


def compare(run: Path, data: str | None) -> str:
    """A line with both accuracies.

    Raises:
        UserError: the run was not on IMDB, keeps no model, or has no test scores.
    """
    config = run / ".hydra" / "config.yaml"
    if not config.is_file() or OmegaConf.load(config).data.name != "imdb":
        raise UserError(f"{run} is not the folder of a run on IMDB")
    if not (run / "model").is_dir():
        raise UserError(f"{run} has no model: a sweep keeps its best trial's, tracking.keep_models=all keeps each")
    if not (run / "predictions.npz").is_file():
        raise UserError(f"{run} has no predictions.npz: it was stopped before its end", advice="run it again")
    with np.load(run / "predictions.npz", allow_pickle=False) as kept:
        if "test_scores" not in kept:
            raise UserError(f"{run} has no test scores", advice="run it with evaluate_test=true")
        own, labels, documents = (kept[f"test_{name}"] for name in ("scores", "labels", "documents"))
    texts = _texts(data, documents)
    began = perf_counter()
    stock = stock_scores(run / "model", texts)
    seconds = perf_counter() - began
    accuracies = [100 * (scores.argmax(axis=1) == labels).mean() for scores in (own, stock)]
    return (
        f"{len(texts):,} test reviews · accuracy {accuracies[0]:.3f} in the run, {accuracies[1]:.3f} by stock spaCy · "
        f"scores differ by at most {np.abs(own - stock).max():.1g} · {seconds:.0f} s"
    )


def stock_scores(model: Path, texts: list[str]) -> NDArray[np.float64]:
    """Scores (texts, labels) by `spacy.load` and the model, in a process that imports no lmao."""
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "texts.jsonl"
        lines.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        command = [sys.executable, "-I", "-c", ALONE, str(model.resolve()), str(lines)]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return np.array([json.loads(line) for line in output.splitlines()])


def _texts(data: str | None, numbers: NDArray[np.int64]) -> list[str]:
    """The texts of documents, by their numbers in the data set."""
    settings = settings_of(data)
    wanted = set(numbers.tolist())
    source = open_source(settings.data, open_cache(settings.cache_dir, print).root)
    found = {number: document.text for number, document in enumerate(source.documents()) if number in wanted}
    return [found[number] for number in numbers.tolist()]


if __name__ == "__main__":
    sys.exit(main())
