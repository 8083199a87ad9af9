"""What `model/` says of itself: its scores on dev come in; a README and what spaCy's commands read of it go out."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example
from spacy.vocab import Vocab

from lmao.config.data import AnyData, Docstrings, Imdb, Parted
from lmao.config.run import Config
from lmao.config.vectors import AnyTable, GloveVectors, SpacyVectors, Word2vecVectors
from lmao.data.splits import Examples
from lmao.engine.parameters import Floats
from lmao.files import write_whole
from lmao.run.stages.encode import Dataset
from lmao.version import __version__

Source = dict[str, str]

CARD = """\
# {name}

{description}

    import spacy
    nlp = spacy.load("{name}")
    print(nlp("A text.").cats)

It is a spaCy pipeline ({spacy}) of {components}; `cats` holds a probability for each label.

## Accuracy

On {examples:,} texts whose labels it was not trained on: **{accuracy:.4f}**, macro F {macro:.4f}.

| label | F | AUC |
|---|---|---|
{labels}

Texts of another kind than these are classified, too, but nobody knows how well. Leave empty ones out.

## Made from

{sources}

License: {license}
"""


def describe_model(folder: Path, settings: Config, data: Dataset, scores: Floats) -> None:
    """Complete the pipeline in a folder by what is known of it. scores (dev examples, labels): its own."""
    path = folder / "meta.json"
    names = data.texts.corpus.label_names
    meta = json.loads(path.read_bytes())
    meta |= {
        "name": name_of(settings.data),
        "description": _description(settings, data),
        "sources": list(_sources(settings)),
        "performance": performance(scores, data.splits.dev, names),
    }
    write_whole(path, json.dumps(meta, indent=2))
    write_whole(folder / "README.md", _card(meta, names, len(data.splits.dev.labels)))


def describe_encoder(folder: Path, settings: Config, texts: int) -> None:
    """Complete a pipeline that classifies nothing. texts: what it was pre-trained on."""
    path = folder / "meta.json"
    meta = json.loads(path.read_bytes())
    meta |= {
        "name": name_of(settings.data),
        "description": f"An encoder pre-trained on {texts:,} texts, with lmao {__version__}, to train components on.",
        "sources": list(_sources(settings)),
    }
    write_whole(path, json.dumps(meta, indent=2))


def name_of(data: AnyData) -> str:
    """Of the data, in the letters that a Python package may have."""
    path = data.path or data.unlabelled_path if isinstance(data, Parted) else None
    name = data.name if path is None else Path(path).name.split(".")[0]
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", ascii_name).strip("_") or data.name


def performance(scores: Floats, examples: Examples, names: Sequence[str]) -> dict[str, Any]:
    """What `spacy evaluate` prints of these examples, and the accuracy."""
    vocab = Vocab()
    judged = []
    for row, label in zip(scores.tolist(), examples.labels.tolist(), strict=True):
        predicted, true = Doc(vocab), Doc(vocab)
        predicted.cats = dict(zip(names, row, strict=True))
        true.cats = {name: float(i == label) for i, name in enumerate(names)}
        judged.append(Example(predicted, true))
    accuracy = float((scores.argmax(axis=1) == examples.labels).mean())
    return {"accuracy": accuracy, **Scorer.score_cats(judged, "cats", labels=names, multi_label=False)}


def _description(settings: Config, data: Dataset) -> str:
    names = data.texts.corpus.label_names
    listed = ", ".join(names) if len(names) <= 10 else f"{', '.join(names[:10])}, …"
    text = f"Tells {len(names)} labels apart: {listed}. Trained on {len(data.splits.train.labels):,} labelled texts"
    if settings.pretrains:
        text += f", after pre-training on {len(data.texts.documents):,} texts"
    return f"{text}, with lmao {__version__}."


def _sources(settings: Config) -> Iterator[Source]:
    """Of texts and vectors; names of files, not where they are."""
    match settings.data:
        case Docstrings(packages=packages):
            yield _source(f"docstrings of {', '.join(packages)}")
        case Imdb():
            yield _source("Large Movie Review Dataset", "https://ai.stanford.edu/~amaas/data/sentiment", "Maas et al.")
        case Parted() as data:
            paths = (data.path, data.dev_path, data.unlabelled_path)
            yield from (_source(Path(path).name) for path in paths if path is not None)
    for table in settings.tables.values():
        yield from _source_of_vectors(table)


def _source_of_vectors(table: AnyTable) -> Iterator[Source]:
    """None where a table is trained on the texts."""
    match table:
        case GloveVectors(path=str(path)):
            yield _source(Path(path).name, "https://nlp.stanford.edu/projects/glove", "Pennington et al.")
        case Word2vecVectors(path=path) | SpacyVectors(path=path):
            yield _source(Path(path).name)


def _source(name: str, url: str = "", author: str = "") -> Source:
    return {"name": name, "url": url, "author": author, "license": ""}


def _card(meta: Mapping[str, Any], names: Sequence[str], examples: int) -> str:
    scores = meta["performance"]
    rows = [
        f"| {_cell(name)} | {scores['cats_f_per_type'][name]['f']:.3f} | {_figure(scores['cats_auc_per_type'][name])} |"
        for name in names
    ]
    sources = [f"[{one['name']}]({one['url']})" if one["url"] else one["name"] for one in meta["sources"]]
    return CARD.format(
        name=f"{meta['lang']}_{meta['name']}",
        description=meta["description"],
        spacy=meta["spacy_version"],
        components=", ".join(meta["pipeline"]),
        examples=examples,
        accuracy=scores["accuracy"],
        macro=scores["cats_macro_f"],
        labels="\n".join(rows),
        sources="\n".join(f"- {source}" for source in sources),
        license=meta["license"] or "not chosen yet: `license` in meta.json",
    )


def _cell(name: str) -> str:
    return " ".join(name.replace("|", "\\|").split())


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
