"""What a run chose is saved whole, and loaded it says of every text what the run says."""

from collections.abc import Callable

import numpy as np
import pytest

import lmao
from tests.support.finished import Finished, dev_texts, predictions

CLOSE = 1e-6
FLORET = ("vectors=floret_tiny", "vectors.mode=floret", "vectors.minn=4", "vectors.maxn=5", "vectors.buckets=4000")
KINDS = {
    "n-grams": ["textcat=linear"],
    "LSA": ["textcat=linear", "textcat.features=lsa"],
    "mean of vectors": ["textcat=linear", "textcat.features=mean", "vectors=floret_tiny"],
    "mean of subwords": ["textcat=linear", "textcat.features=mean", *FLORET],
    "document vectors": ["textcat=linear", "textcat.features=document", "vectors.epochs=3"],
    "document vectors of words": ["textcat=linear", "textcat.features=document", "vectors=floret_tiny"],
    "document vectors of subwords": ["textcat=linear", "textcat.features=document", *FLORET],
    "encoder": [],
    "encoder on subwords": [*FLORET],
    "encoder without vectors": ["vectors=none", "pretrain.epochs=0"],
    "another shape": ["encoder.width=48", "encoder.depth=1", "encoder.window_size=2", "encoder.static_vectors=false"],
    "together": ["textcat=auto_tiny", "evaluate_test=true"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_loaded_classifier_says_what_the_run_said(kind: str, finished: Callable[..., Finished]) -> None:
    run = finished(*KINDS[kind])
    found = lmao.load(run.folder).predict_proba(dev_texts(run))
    expected = predictions(run.folder)["dev_scores"]
    assert len(expected) == 100 and np.ptp(expected[:, 0]) > 100 * CLOSE, "too much alike to tell"
    np.testing.assert_allclose(found, expected, atol=CLOSE)
