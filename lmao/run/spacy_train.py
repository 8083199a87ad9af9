"""What `spacy train` needs to go on from a run: the weights, configs that fit them, and the labelled texts."""

from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.language import DEFAULT_CONFIG_PRETRAIN_PATH, Language
from spacy.tokens import DocBin
from spacy.util import load_config
from thinc.api import Config as SpacyConfig

from lmao.cache import Writer
from lmao.config.encoder import CnnEncoder
from lmao.config.textcat import EncoderTextcat
from lmao.corpus.tokens import doc_of
from lmao.data.document import Source, documents_of
from lmao.data.splits import Examples
from lmao.encoder.stock import stock_tok2vec, to_stock, tok2vec_config
from lmao.engine.parameters import Parameters
from lmao.errors import UserError
from lmao.files import write_whole
from lmao.run.context import Context
from lmao.run.export import textcat_config
from lmao.run.stages.encode import Dataset
from lmao.streams import digest

CONFIG, WEIGHTS, TRAIN, DEV = "config.cfg", "tok2vec.bin", "train.spacy", "dev.spacy"
VERSION = 2  # of the examples' files
OTHERS: dict[str, dict[str, Any]] = {
    "tagger": {"@architectures": "spacy.Tagger.v2"},
    "ner": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 64,
        "maxout_pieces": 2,
        "use_upper": True,
    },
}


def save_tok2vec(nlp: Language, settings: CnnEncoder, weights: Parameters, folder: Path, labelled: bool) -> None:
    """The weights, the config that trains a classifier like the run's on them, and those of other components.

    They take their vectors from the pipeline in `folder / "model"`; labelled: whether there will be examples.
    """
    tok2vec = stock_tok2vec(settings, nlp)
    to_stock(tok2vec, weights)
    here = folder.absolute()
    classifier = spacy.blank(nlp.lang)
    classifier.add_pipe("textcat", config={"model": textcat_config(settings, nlp.vocab.vectors)})
    own = _training(classifier, here, "textcat", "tok2vec")
    if labelled:
        own["paths"] |= {"train": str(here / TRAIN), "dev": str(here / DEV)}
    write_whole(folder / CONFIG, own.to_bytes())
    for component, architecture in OTHERS.items():
        other = spacy.blank(nlp.lang)
        other.add_pipe("tok2vec", config={"model": tok2vec_config(settings, nlp.vocab.vectors)})
        listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": settings.width}
        other.add_pipe(component, config={"model": {**architecture, "tok2vec": listener}})
        write_whole(folder / f"config-{component}.cfg", _training(other, here, "tok2vec", "").to_bytes())
    write_whole(folder / WEIGHTS, tok2vec.to_bytes())


def _training(nlp: Language, here: Path, component: str, layer: str) -> SpacyConfig:
    """A pipeline's config, with the weights for a layer of a component."""
    settings: Any = nlp.config
    training = load_config(DEFAULT_CONFIG_PRETRAIN_PATH).merge(SpacyConfig(settings))
    training["pretraining"] |= {"component": component, "layer": layer}
    training["paths"] |= {"vectors": str(here / "model"), "init_tok2vec": str(here / WEIGHTS)}
    training["initialize"] |= {"vectors": "${paths.vectors}", "init_tok2vec": "${paths.init_tok2vec}"}
    return training


def save_examples(context: Context, source: Source, data: Dataset) -> None:
    """The labelled texts as DocBins, made once for all runs that have the same: all training examples, and as many dev
    examples as an epoch is judged by. Stock spaCy scores some fifty film reviews a second, again and again.

    There are none if the files have changed since the run began."""
    settings, corpus = context.settings, data.texts.corpus
    assert isinstance(settings.textcat, EncoderTextcat)
    few = slice(settings.textcat.early_stopping_examples)
    dev = Examples(data.splits.dev.documents[few], data.splits.dev.labels[few])
    parts = {TRAIN: data.splits.train, DEV: dev}
    record: dict[str, Any] = {"version": VERSION, "spacy": spacy.__version__, "corpus": corpus.digest}
    record["labels"] = list(corpus.label_names)
    record |= {name: [digest(part.documents), digest(part.labels.astype(np.int64))] for name, part in parts.items()}

    def make(writer: Writer) -> None:
        tokenizer = spacy.blank(settings.data.language).tokenizer
        places = {
            number: (name, label)
            for name, part in parts.items()
            for number, label in zip(part.documents.tolist(), part.labels.tolist(), strict=True)
        }
        bins = {name: DocBin(attrs=["ORTH"]) for name in parts}
        for number, document in enumerate(documents_of(source, corpus.fingerprint)):
            if number in places:
                part, label = places[number]
                doc = doc_of(tokenizer, document.text)
                doc.cats = {name: float(i == label) for i, name in enumerate(corpus.label_names)}
                bins[part].add(doc)
        for part, docs in bins.items():
            docs.to_disk(writer.path / part)

    with context.timed("export"):
        try:
            entry, _ = context.cache.get_or_make("examples", record, make)
        except UserError as error:  # what was trained is worth more
            context.console.warn(f"{TRAIN} and {DEV} are not written: {error}")
            return
        for name in parts:
            write_whole(context.folder / name, (entry.path / name).read_bytes())
