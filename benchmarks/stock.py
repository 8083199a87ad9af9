"""spaCy's side: its own model, masks, loss and update, unchanged, on the same texts; and proof that ours agrees."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ID
from spacy.ml.models import multi_task
from spacy.ml.models.multi_task import create_pretrain_vectors
from spacy.tokens import Doc
from spacy.training.pretrain import create_pretraining_model, make_update
from spacy.util import OOV_RANK, registry
from spacy.vectors import Vectors
from thinc.api import Adam, Model, fix_random_seed

from benchmarks.setting import LONGEST, Bench
from lmao.config.objective import CosineObjective
from lmao.config.run import Config
from lmao.corpus.batches import Segments, lay_out
from lmao.data.source import open_source
from lmao.encoder.dropout import NO_DROPOUT
from lmao.encoder.stock import blank_pipeline, has_twin, multi_hash_embed, spacy_order, stock_places, with_embed
from lmao.engine.layers import Workspace
from lmao.objectives.masking import MASK_TYPE, MaskedTexts
from lmao.objectives.tasks import Batch
from lmao.pretrain.loop import Pretraining

TOLERANCE = 1e-4
HEAD = {"maxout": "maxout", "layernorm": "layernorm", "linear": "output"}  # node: our arrays' name


class Stock:
    """The texts of some batches as spaCy's own Docs, and the model of `spacy pretrain`."""

    def __init__(self, bench: Bench, steps: Sequence[Segments]) -> None:
        self._settings = bench.settings
        self._corpus = bench.corpus
        self._steps = steps
        encoder = bench.settings.encoder
        assert has_twin(encoder)
        self._gap = encoder.window_size * encoder.depth
        settings = bench.settings
        count = sum(len(step) for step in steps)
        source = open_source(settings.data, bench.cache.root)
        texts = [document.text for document in islice(source.documents(), count)]
        self._nlp = nlp = blank_pipeline(settings.data.language, None)
        forms = {token.orth: token.lower_ for text in texts for token in nlp.make_doc(text)}
        places = dict(zip(bench.corpus.words, bench.word_rows, strict=True))
        vectors = Vectors(strings=nlp.vocab.strings, data=bench.vectors, name="random")
        for form, lower in forms.items():
            vectors.add(form, row=int(places[lower]))
        nlp.vocab.vectors = vectors
        for lexeme in nlp.vocab:  # as spaCy does where it loads vectors: the loss finds a word's target by its rank
            lexeme.rank = vectors.key2row.get(lexeme.orth, OOV_RANK)
        docs = [nlp.make_doc(text)[:LONGEST].as_doc() for text in texts]
        borders = np.cumsum([0, *(len(step) for step in steps)])
        self.batches = [docs[a:b] for a, b in pairwise(borders)]
        self.model = self._model(settings)

    def _model(self, settings: Config) -> Model[Any, Any]:
        fix_random_seed(0)
        assert has_twin(settings.encoder)
        architecture = with_embed(settings.encoder, multi_hash_embed(settings.encoder, static=True))
        tok2vec = registry.resolve({"tok2vec": architecture})["tok2vec"]
        self._nlp.add_pipe("tok2vec").model = tok2vec
        head = settings.objective
        assert isinstance(head, CosineObjective)
        objective = create_pretrain_vectors(head.maxout_pieces, head.hidden_size, "cosine")
        model: Model[Any, Any] = create_pretraining_model(
            self._nlp, {"component": "tok2vec", "layer": "", "objective": objective, "dropout": 0.0}
        )
        return model

    def words_per_second(self) -> float:
        s = self._settings.pretrain
        optimizer = Adam(s.learn_rate, beta1=s.beta1, beta2=s.beta2, eps=s.eps, L2=s.L2, grad_clip=s.grad_clip)
        loss = self.model.attrs["loss"]
        make_update(self.model, self.batches[0], optimizer, loss)
        began = perf_counter()
        for docs in self.batches:
            make_update(self.model, docs, optimizer, loss)
        return sum(len(doc) for docs in self.batches for doc in docs) / (perf_counter() - began)

    def difference(self, pretraining: Pretraining) -> float:
        """The greatest difference between the two sides on one batch, same weights and same masks: of the losses, or of
        two gradients, as a share of the largest number in that array.

        spaCy divides its gradient by all words, we by the predicted ones: that factor is taken out, Adam never sees it.
        """
        weights = pretraining.optimizer.weights
        generator = np.random.default_rng(0)
        weights.flat += generator.normal(0, 0.05, len(weights.flat)).astype(np.float32)
        places = self.places(pretraining.model.tasks[0].name)
        for name, (node, param) in places.items():
            node.set_param(param, spacy_order(name, weights[name]))

        whole = lay_out(self._corpus, self._steps[0], self._gap)
        words = whole.rows(slice(0, len(self._steps[0])))
        predicted = generator.random(len(words)) < 0.15
        rows, ids = words[predicted], whole.ids.copy()
        ids[rows[generator.random(len(rows)) < 0.9]] = MASK_TYPE
        masked = MaskedTexts(replace(whole, ids=ids), rows, whole.ids[rows], np.ones(len(rows), dtype=np.int64))
        gradients = weights.like(np.zeros_like(weights.flat))
        batch = Batch(self._corpus, self._steps[0], masked, whole.ids)
        targets = [task.targets_of(batch) for task in pretraining.model.tasks]
        texts = slice(0, len(self._steps[0]))
        loss = pretraining.model.learn(weights, batch, targets, texts, NO_DROPOUT, Workspace(), gradients)

        stock_loss = self._learn(predicted, ids[words] == MASK_TYPE)
        differences = [abs(loss - stock_loss) / loss]
        for name, (node, param) in places.items():
            stock = spacy_order(name, node.get_grad(param)) * (len(words) / len(rows))
            differences.append(float(np.abs(gradients[name] - stock).max() / np.abs(stock).max()))
        return max(differences)

    def _learn(self, predicted: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> float:
        """Gradients into the model; the loss over the predicted words (spaCy's own is over all)."""
        docs, masked, at = self.batches[0], [], 0
        for doc in docs:
            words = ["[MASK]" if hidden[at + i] else token.text for i, token in enumerate(doc)]
            masked.append(Doc(doc.vocab, words=words, spaces=[bool(token.whitespace_) for token in doc]))
            at += len(doc)
        with patch.object(multi_task, "_apply_mask", lambda *_, **__: (~predicted, masked)):
            prediction, backprop = self.model.begin_update(docs)
        objective = self.model.attrs["loss"]
        _, gradient = objective(self.model.ops, docs, prediction)
        backprop(gradient)
        target = self._nlp.vocab.vectors.data[np.concatenate([doc.to_array(ID) for doc in docs])]
        return float(objective.keywords["distance"].get_loss(prediction[predicted], target[predicted]))

    def places(self, objective: str) -> dict[str, tuple[Model[Any, Any], str]]:
        """Where each of our arrays is in spaCy's model."""
        places = stock_places(self.model.get_ref("tok2vec"))
        for node in self.model.get_ref("output_layer").walk():
            if node.name in HEAD:
                names = {param: f"head.{objective}.{HEAD[node.name]}.{param}" for param in node.param_names}
                places |= {name: (node, param) for param, name in names.items()}
        return places
