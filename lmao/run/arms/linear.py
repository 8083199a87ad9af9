"""textcat=linear: the labelled texts come in, a logistic regression goes out, on whichever features were asked for."""

from lmao.config.textcat import LinearTextcat
from lmao.data.document import Source
from lmao.run.arms.learned import Line, learn_document_vectors, learn_lsa, learn_mean_vectors, learn_ngrams
from lmao.run.arms.trained import Trained, chosen_of, tell_trial
from lmao.run.context import Context
from lmao.run.export import save_pipeline
from lmao.run.export_linear import whole_pipeline
from lmao.run.result import TextcatSummary
from lmao.run.stages.encode import Dataset
from lmao.run.stages.vectors import static_vectors

LINE = Line("textcat", "linear")


def train_linear(context: Context, source: Source, data: Dataset) -> Trained:
    settings, vectors = context.settings.textcat, None
    assert isinstance(settings, LinearTextcat)
    if settings.reads_vectors:
        vectors = static_vectors(context, "vectors", context.settings.vectors, data.texts)
    digests = tell_trial(context, data, vectors=None if vectors is None else vectors.digest)
    with context.timed("textcat"):
        if vectors is None:
            learned = (learn_ngrams if settings.features == "ngrams" else learn_lsa)(context, data, LINE)
        elif settings.features == "mean":
            learned = learn_mean_vectors(context, data, vectors, LINE)
        else:
            learned = learn_document_vectors(context, data, vectors, LINE)[0]
    summary = TextcatSummary(epochs=0, best_epoch=0, seconds=context.seconds["textcat"], records=[])
    chosen, held_out = chosen_of(context, data, vectors, [(1.0, learned.saved)]), learned.held_out
    nlp = whole_pipeline(context, source, data, chosen, None, learned.predict)
    size = None if nlp is None else save_pipeline(nlp, context.folder / "model", data.texts.mean_words)
    return Trained(
        learned.predict, None, summary, learned.numbers, size, digests, chosen, held_out.temperature, held_out
    )
