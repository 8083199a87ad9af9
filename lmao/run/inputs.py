"""Before anything long begins: settings come in, a source of texts goes out, and all that they name is there."""

from contextlib import nullcontext

from lmao.cache import Cache
from lmao.config.objective import HeadObjective
from lmao.config.run import Config
from lmao.corpus.syntax import check_heads
from lmao.corpus.tokens import check_language
from lmao.data.document import Source
from lmao.data.source import open_source
from lmao.engine.device import open_device
from lmao.run.start import start_folder
from lmao.vectors.loading import check_vectors, target_table_errors


def check_inputs(settings: Config, cache: Cache, source: Source | None = None) -> Source:
    """The source of the texts, the given one if there is one, after a look at all that the settings name.

    Raises:
        UserError: something isn't there, or not what it should be.
    """
    open_device(settings.device)
    source = source or open_source(settings.data, cache.root)
    check_language(settings.data.language)
    for name, table in settings.tables.items():
        with target_table_errors() if name == "vectors.target" else nullcontext():
            check_vectors(table)
    start_folder(settings)
    if settings.pretrains:
        for part, _ in settings.parts.values():
            if isinstance(part, HeadObjective):
                check_heads(settings.data, part.parser)
    return source
