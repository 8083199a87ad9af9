"""Learning curves and the confusion matrix as PNGs that can be read in grey."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lmao.files import write_whole
from lmao.pictures import content, literal, shown

MOST = 40  # classes with a row of their own: more can't be read, and take a gigabyte to draw
NUMBERED = " (#: the number in result.json's labels)"

Record = Mapping[str, Any]


def learning_curves(path: Path, pretrain: Sequence[Record], textcat: Sequence[Record], kept: int) -> None:
    """A panel a stage that has records; the epoch of the classifier that was kept is marked, 0 for none.

    Args:
        pretrain: "epoch", "loss", "heldout_…" (each figure that is a share or a cosine).
        textcat: "epoch", "loss", "dev_accuracy".
    """
    stages = [("pre-training", pretrain)] if pretrain else []
    stages += [("text classifier", textcat)] if textcat else []
    figure = Figure(figsize=(5.5 * max(1, len(stages)), 3.8), layout="constrained")
    for i, (title, records) in enumerate(stages):
        axes = figure.add_subplot(1, len(stages), i + 1)
        axes.set_title(title)
        if records is pretrain:
            measured = [key for key in records[0] if key.startswith("heldout_")]
            _loss_and_shares(
                axes,
                records,
                [(literal(key.replace("heldout", "held-out").replace("_", " ")), key) for key in measured],
            )
        else:
            right = _loss_and_shares(axes, records, [("dev accuracy", "dev_accuracy")])
            if kept:
                _mark(right, next(record for record in records if record["epoch"] == kept))
    _save(figure, path)


def confusion_matrix(path: Path, confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> None:
    """Counts in cells shaded by the share of their true class. `confusion[i][j]`: true class i, predicted class j.

    Of more classes than MOST those with the most errors have a row and a column each, the others one for all.
    """
    counts = np.array(confusion)
    names: Sequence[str] = shown(labels)
    title = ""
    if len(names) > MOST:
        title = f"the {MOST - 1} of {len(names):,} classes with the most errors"
        counts, names = _with_others(counts, names)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    size = max(4.0, 0.42 * len(names) + 2.0)
    figure = Figure(figsize=(size + 1.0, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Greys", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90 if len(names) > 5 else 0)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("predicted" + NUMBERED * any("#" in name for name in names))
    axes.set_ylabel("true")
    axes.set_title(title)
    for (i, j), count in np.ndenumerate(counts):
        if count:
            color = "white" if shares[i, j] > 0.5 else "black"
            # Outside of the layout, which would measure each of them.
            axes.text(
                j, i, f"{count}", ha="center", va="center", color=color, fontsize=11 if len(names) <= 10 else 7,
                in_layout=False,
            )  # fmt: skip
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    _save(figure, path)


def _with_others(counts: NDArray[np.int64], names: Sequence[str]) -> tuple[NDArray[np.int64], Sequence[str]]:
    """The classes with the most errors, in their order, and one for the others."""
    right = counts.diagonal()
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * right
    kept = np.sort(np.argsort(-wrong, kind="stable")[: MOST - 1])
    group = np.full(len(names), len(kept))
    group[kept] = np.arange(len(kept))
    summed = np.zeros((len(kept) + 1,) * 2, dtype=np.int64)
    np.add.at(summed, (group[:, None], group[None, :]), counts)
    return summed, [*(names[label] for label in kept), f"{len(names) - len(kept):,} others"]


def _save(figure: Figure, path: Path) -> None:
    write_whole(path, content(figure))


def _loss_and_shares(axes: Axes, records: Sequence[Record], shares: Sequence[tuple[str, str]]) -> Axes:
    """The loss on the left axis, what lies between 0 and 1 on a right one, which is returned."""
    epochs = [record["epoch"] for record in records]
    right = axes.twinx()
    lines = axes.plot(epochs, [record["loss"] for record in records], "k--o", markersize=3, label="loss")
    for (label, key), style in zip(shares, cycle(("-s", ":^", "-.d", "--x")), strict=False):
        values = [record[key] for record in records]
        lines += right.plot(epochs, values, style, color="tab:blue", markersize=4, label=label)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.set_ylim(bottom=min(0.0, *axes.get_ylim()))  # a log-likelihood of densities may be negative
    right.set_ylabel(shares[0][0] if len(shares) == 1 else "shares and cosines")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
    axes.legend(handles=lines, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=9)
    return right


def _mark(axes: Axes, kept: Record) -> None:
    position = (kept["epoch"], kept["dev_accuracy"])
    axes.plot(*[[one] for one in position], "*", color="black", markersize=13)
    text = f"kept: {kept['dev_accuracy']:.3f} (epoch {kept['epoch']})"
    axes.annotate(text, position, xytext=(0, 9), textcoords="offset points", ha="center", fontsize=9)
    axes.margins(y=0.2)
