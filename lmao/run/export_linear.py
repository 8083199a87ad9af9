"""What a run chose as one stock spaCy pipeline: weights of n-grams, the encoder, or both come in, `model/` goes out."""

from typing import Any

import numpy as np
from spacy.language import Language

from lmao.corpus.tokens import doc_of
from lmao.data.document import Source
from lmao.encoder.stock import blank_pipeline
from lmao.errors import UserError
from lmao.run.arms.trained import Predict
from lmao.run.context import Context
from lmao.run.review import read_again
from lmao.run.stages.encode import Dataset
from lmao.trained.chosen import Chosen
from lmao.trained.stock import frequent_spaces, has_twins, stock_layer
from lmao.vectors.table import StaticVectors

COMPARED = 200  # texts
ENOUGH = 0.97  # of them have to get the same label: rare white space hides an n-gram, and near ties fall otherwise


def whole_pipeline(
    context: Context, source: Source, data: Dataset, chosen: Chosen, table: StaticVectors | None, predict: Predict
) -> Language | None:
    """A pipeline of one component, `textcat`, that says what `predict` says; None where models aren't kept, or spaCy
    has no parts for it.

    Texts for development, or the first of all where there are none, are classified by both. table: of the vectors that
    the pipeline has.
    """
    if context.settings.tracking.keep_models == "none":
        return None
    if not has_twins(chosen):
        context.console.warn("not all of what was chosen can be in model/: spaCy has no parts to compute it with")
        return None
    with context.timed("export"), context.console.stage("model") as stage:
        nlp = blank_pipeline(chosen.language, table)
        layer = stock_layer(chosen, frequent_spaces(data.texts), nlp)
        textcat: Any = nlp.add_pipe("textcat", config={"model": dict(layer.config)})
        for label in chosen.labels:
            textcat.add_label(label)
        layer.fill(textcat.model)
        held_out = data.splits.dev.documents
        numbers = held_out[:COMPARED] if len(held_out) else np.arange(min(COMPARED, len(data.texts.corpus.labels)))
        try:
            documents = read_again(source, data.texts.corpus, numbers)
        except (OSError, UserError) as error:
            context.console.warn(f"not all of what was chosen is in model/: it can't be compared: {error}")
            return None
        texts = [documents[number].text for number in numbers.tolist()]
        expected = predict(numbers, lambda words: None)
        docs = nlp.pipe(doc_of(nlp.tokenizer, text) for text in texts)  # nlp itself refuses a million characters
        found = np.array([[doc.cats[label] for label in chosen.labels] for doc in docs])
        same = float((found.argmax(axis=1) == expected.argmax(axis=1)).mean())
        said = (
            f"{same:.1%} of {len(texts)} texts get the run's label, scores within {np.abs(found - expected).max():.0e}"
        )
        if same < ENOUGH:
            context.console.warn(f"not all of what was chosen is in model/: in spaCy {said}")
            return None
        stage.done(f"in spaCy {said}")
    return nlp
