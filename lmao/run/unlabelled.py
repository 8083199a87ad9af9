"""A run without labels: texts come in, a pre-trained encoder goes out, for `spacy train` to train components on."""

from pathlib import Path

from lmao.config.run import Config
from lmao.console import Console
from lmao.data.document import Source
from lmao.encoder.stock import has_twin
from lmao.paths import from_here
from lmao.pretrain.language_model import save_language_model
from lmao.run.arms.cnn import gather, open_classifier, pretrain_encoder
from lmao.run.card import describe_encoder
from lmao.run.context import Context
from lmao.run.experiment import opened
from lmao.run.export import build_encoder, save_pipeline
from lmao.run.folder import ARTIFACTS, claimed, seal
from lmao.run.result import Encoded, circumstances, closing, write_result
from lmao.run.spacy_train import save_tok2vec
from lmao.run.stages.encode import Dataset
from lmao.run.stages.pretrain import Pretrained
from lmao.stop import StopSignal
from lmao.tracking.store import TrackingStore
from lmao.tracking.tracker import copy_files
from lmao.tracking.trial import NoTrial
from lmao.vectors.lookup import TypeVectors


def encoder_alone(settings: Config, folder: Path, console: Console, stop: StopSignal, store: TrackingStore) -> Encoded:
    """The whole run, as `lmao.run.experiment.run` is for labelled texts.

    Raises:
        UserError: something about the input or the settings.
        Stopped: a signal came; what was finished is in the cache.
    """
    with claimed(folder), opened(settings, folder, console, stop, NoTrial(), store) as (context, source, data):
        result = _pretrained(context, source, data)
        write_result(folder / "result.json", result)
        seal(folder)
        copy_files(context.tracker, [folder / name for name in ARTIFACTS if (folder / name).exists()], console.warn)
        console.summary(_summary(result, folder) + closing(result, store.command))
    return result


def _pretrained(context: Context, source: Source, data: Dataset) -> Encoded:
    inputs = gather(context, source, data)
    classifier = open_classifier(context, data, inputs.vectors)
    pretrained = pretrain_encoder(context, classifier, data, inputs)
    assert pretrained is not None, "a config without labels pre-trains"
    size = _keep(context, data, inputs.vectors, pretrained)
    return Encoded(
        labels=[],
        pretrain=pretrained.summary,
        parameters=pretrained.weights.flat.size,
        model_mb=size,
        digests=inputs.digests,
        **circumstances(context),
    )


def _keep(context: Context, data: Dataset, vectors: TypeVectors, pretrained: Pretrained) -> float | None:
    """The encoder as a pipeline, and what `spacy train` needs, if models are kept: the pipeline's size in MB."""
    settings, folder = context.settings, context.folder
    if settings.tracking.keep_models == "none" or not has_twin(settings.encoder):
        context.console.warn("no model/: the encoder is in the cache alone")
        return None
    with context.timed("export"):
        nlp = build_encoder(settings.data.language, settings.encoder, vectors.table, pretrained.weights)
        save_pipeline(nlp, folder / "model", data.texts.mean_words)
        describe_encoder(folder / "model", settings, len(data.texts.documents))
        save_tok2vec(nlp, settings.encoder, pretrained.weights, folder, labelled=False)
        save_language_model(folder, pretrained.weights, pretrained.tasks, data.texts)
    return sum(path.stat().st_size for path in (folder / "model").rglob("*") if path.is_file()) / 1e6


def _summary(result: Encoded, folder: Path) -> list[tuple[str, str]]:
    folder = from_here(folder)
    rows = [("pre-trained", f"{result.pretrain.epochs} epochs · loss {result.pretrain.loss[-1]:.3f} · no labels")]
    if result.model_mb is not None:
        rows.append(("model", f"{folder / 'model'}   vectors and encoder; spacy.load() opens it"))
        rows.append(("train", f"python -m spacy train {folder / 'config.cfg'} --paths.train … --paths.dev …"))
    return rows
