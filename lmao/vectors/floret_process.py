"""The process that trains: a folder's `arguments.json` comes in, `words.json` and `table.npy` go out."""

import json
import sys
from pathlib import Path

import floret
import numpy as np

from lmao.cache import Writer

END_OF_LINE = "</s>"


def train(folder: Path) -> None:
    """Words by falling frequency; the table has a row a word, or, in floret mode, a row a bucket."""
    arguments = json.loads((folder / "arguments.json").read_bytes())
    model = floret.train_unsupervised(**arguments)
    listed = model.get_words()
    words = [word for word in listed if word != END_OF_LINE]
    if arguments["mode"] == "floret":
        table = model.get_input_matrix()[len(listed) :]
    else:
        table = np.stack([model.get_word_vector(word) for word in words])
    Writer(folder).array("table", table)
    (folder / "words.json").write_text(json.dumps(words))


if __name__ == "__main__":
    train(Path(sys.argv[1]))
