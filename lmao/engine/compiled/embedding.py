"""Each distinct type of a batch, embedded once: its features' hashed rows, summed."""

from lmao.engine.compiling import Floats2d, Ids1d, Ids3d, Integer, kernel


@kernel
def distinct(ids: Ids1d, place: Ids1d, found: Ids1d) -> Integer:
    """Replace each id >= 0 by its place among the distinct ids, in order of appearance; returns their number.

    place (vocabulary,) is -1 everywhere and is left so; found receives the distinct ids.
    """
    count = 0
    for i in range(ids.shape[0]):
        if ids[i] >= 0:
            if place[ids[i]] < 0:
                place[ids[i]] = count
                found[count] = ids[i]
                count += 1
            ids[i] = place[ids[i]]
    for k in range(count):
        place[found[k]] = -1
    return count


@kernel
def embed(
    rows: Ids3d,  # (types, features, 4) into tables
    tables: Floats2d,  # (rows, width) of all features
    masks: Floats2d,  # (features or more, width)
    out: Floats2d,  # (types, features * width or more) written
) -> None:
    """Each feature's four hashed rows, summed (Svenstrup et al. 2017; thinc's HashEmbed)."""
    width = tables.shape[1]
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            a, b, c, d = tables[rows[i, f, 0]], tables[rows[i, f, 1]], tables[rows[i, f, 2]], tables[rows[i, f, 3]]
            mask, y = masks[f], out[i, f * width : (f + 1) * width]
            for o in range(width):
                y[o] = (a[o] + b[o] + c[o] + d[o]) * mask[o]


@kernel
def embed_backward(
    rows: Ids3d,  # (types, features, 4)
    d_out: Floats2d,  # (types, features * width or more)
    masks: Floats2d,  # (features or more, width)
    d_tables: Floats2d,  # (rows, width) added to
) -> None:
    """The gradient of `embed`."""
    width = d_tables.shape[1]
    for i in range(rows.shape[0]):
        for f in range(rows.shape[1]):
            mask, d = masks[f], d_out[i, f * width : (f + 1) * width]
            for k in range(4):
                row = d_tables[rows[i, f, k]]
                for o in range(width):
                    row[o] += d[o] * mask[o]
