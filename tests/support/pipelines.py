"""A small trained spaCy pipeline with a parser, and components around it that it does and doesn't need."""

from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed

SENTENCES = (
    ("the cat sees a small dog", (1, 2, 2, 5, 5, 2)),
    ("she didn't say that it rained", (3, 3, 3, 3, 6, 6, 3)),
    ("dogs bark", (1, 1)),
    ("a dog and the cat sleep here", (1, 5, 1, 4, 1, 5, 5)),
    ("we walked to the old house", (1, 1, 1, 5, 5, 2)),
)
LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16, "upstream": "*"}
EMBEDDER = {
    "@architectures": "spacy.HashEmbedCNN.v2", "width": 16, "depth": 1, "embed_size": 200, "window_size": 1,
    "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None,
}  # fmt: skip


def parser_pipeline(folder: Path, seed: int = 0) -> Path:
    """tok2vec, tagger, parser and a component that only this process knows, and that raises when it is called."""
    fix_random_seed(seed)  # of some draws the parser learns too little to tell anything
    Language.component("explodes", func=_explode)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": EMBEDDER})
    nlp.add_pipe("tagger", config={"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}})
    model = {
        "@architectures": "spacy.TransitionBasedParser.v2", "state_type": "parser", "extra_state_tokens": False,
        "hidden_width": 16, "maxout_pieces": 2, "use_upper": True, "nO": None, "tok2vec": LISTENER,
    }  # fmt: skip
    nlp.add_pipe("parser", name="heads", config={"model": model, "min_action_freq": 1})
    examples = [_example(nlp, text, heads) for text, heads in SENTENCES]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(30):
        nlp.update(examples, sgd=optimizer)
    nlp.add_pipe("explodes")
    nlp.to_disk(folder)
    return folder


def _example(nlp: Language, text: str, heads: tuple[int, ...]) -> Example:
    doc = nlp.make_doc(text)
    annotated = Doc(
        nlp.vocab,
        words=[token.text for token in doc],
        spaces=[bool(token.whitespace_) for token in doc],
        heads=list(heads),
        deps=["ROOT" if head == place else "dep" for place, head in enumerate(heads)],
        tags=["T" if token.is_alpha else "O" for token in doc],
    )
    return Example(doc, annotated)


def _explode(doc: Doc) -> Any:
    raise AssertionError("the parser does not need this")
