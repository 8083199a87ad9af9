"""The texts of an experiment: a config section comes in, a source of documents goes out."""

from pathlib import Path

from lmao.config.data import AnyData, DocBins, Docstrings, Files, Imdb, Memory
from lmao.data.docbin import open_docbins
from lmao.data.docstrings import open_docstrings
from lmao.data.document import Source
from lmao.data.files import open_files
from lmao.data.imdb import open_imdb
from lmao.errors import UserError


def open_source(config: AnyData, cache_dir: Path) -> Source:
    """The source that `config` names. Cheap, unless the IMDB archive has to be downloaded into `cache_dir`.

    Raises:
        UserError: a path is missing or of the wrong kind, a package is not installed, the download failed.
    """
    match config:
        case Docstrings():
            return open_docstrings(config)
        case Imdb():
            return open_imdb(config, cache_dir)
        case Files():
            return open_files(config)
        case DocBins():
            return open_docbins(config)
        case Memory():
            raise UserError("data=memory is for a program, which hands its texts over", advice="choose data=files")
