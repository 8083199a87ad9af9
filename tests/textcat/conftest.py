"""What the tests of the classifier and of its fine-tuning share."""

from collections.abc import Callable

import pytest

from lmao.config.run import Config
from lmao.corpus.corpus import Corpus
from tests.support.classifiers import Bench


@pytest.fixture(scope="module")
def bench(tiny: Config, corpus: Corpus) -> Bench:
    return Bench(tiny, corpus)


@pytest.fixture(scope="module")
def settings(compose: Callable[..., Config]) -> Callable[..., Config]:
    return lambda *overrides: compose("debug=tiny", *overrides)
