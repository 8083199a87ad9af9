"""The first and last bytes of the word, as in spaCy's PretrainCharacters: no vectors are needed."""

from collections.abc import Sequence

import numpy as np

from lmao.engine.parameters import Floats
from lmao.objectives.targets import Targets

VALUES = 256
NOTHING = 255  # where a word has fewer bytes: no byte of UTF-8 has this value


def byte_targets(words: Sequence[str], characters: int) -> Floats:
    """The first and the last `characters` bytes of each word's UTF-8: (words, 2 * characters) numbers from 0 to 255.

    In the order first, last, second, second to last, …, each byte once, then 255: `Doc.to_utf8_array` of spaCy.
    """
    places = 2 * characters
    rows = bytearray()
    for word in words:
        encoded = word.encode()
        count = min(len(encoded), places)
        row = bytearray([NOTHING]) * places
        row[0:count:2] = encoded[: (count + 1) // 2]
        row[1:count:2] = encoded[::-1][: count // 2]
        rows += row
    return np.frombuffer(rows, dtype=np.uint8).reshape(len(words), places).astype(np.float32)


def characters(prediction: Floats, targets: Targets) -> tuple[Floats, float]:
    """The cross-entropy of a word's first and last bytes, each by a softmax over 256, their sum a word.

        Σ w Σ_b (log Σ_v exp(p_bv) - p_bt_b) / W,    b: the bytes, t_b: the right value of each

    Source: spaCy's `PretrainCharacters`. The gradient is spaCy's for the same words, softmax less target; spaCy logs
    the sum of its squares, which is not what it descends on, and divides by all words, masked or not.
    Needs: predictions (n, bytes * 256) and as `vectors` (n, bytes) the bytes themselves, see `byte_targets`. No vectors
    of words: it works with vectors=none, and for every word.
    Relates to: no other here: it is the only one with a softmax over fixed outputs.
    Example: python train.py +recipe=words objective=characters objective.characters=4
    """
    n, places = targets.vectors.shape
    logits = prediction.reshape(n * places, VALUES)
    wanted = targets.vectors.reshape(-1).astype(np.int64)
    everyone = np.arange(len(logits))
    shares = logits - logits.max(axis=1)[:, None]
    chosen = shares[everyone, wanted]
    np.exp(shares, out=shares)
    sums = shares.sum(axis=1)
    weights = np.repeat(targets.weights / np.float32(targets.total), places)
    shares *= (weights / sums)[:, None]
    shares[everyone, wanted] -= weights
    gradient: Floats = shares.reshape(n, places * VALUES)
    return gradient, float(((np.log(sums) - chosen) * weights).sum())
