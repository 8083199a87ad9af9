"""The texts of an experiment: a config section comes in, a source of documents and their splits go out."""

from pathlib import Path

from lmao.config import AnyData, Docstrings, Files, Imdb
from lmao.data.docbin import open_docbins
from lmao.data.docstrings import open_docstrings
from lmao.data.document import Document, Part, Source, Tree
from lmao.data.files import open_files
from lmao.data.imdb import open_imdb
from lmao.data.splits import Examples, Splits, split

__all__ = ["Document", "Examples", "Part", "Source", "Splits", "Tree", "open_source", "split"]


def open_source(config: AnyData, cache_dir: Path) -> Source:
    """The source that `config` names. Cheap, unless the IMDB archive has to be downloaded into `cache_dir`.

    Raises:
        UserError: a path is missing or of the wrong kind, a package is not installed, the download failed.
    """
    if isinstance(config, Docstrings):
        return open_docstrings(config)
    if isinstance(config, Imdb):
        return open_imdb(config, cache_dir)
    if isinstance(config, Files):
        return open_files(config)
    return open_docbins(config)
