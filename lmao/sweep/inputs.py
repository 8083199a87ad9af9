"""The texts and tables that all trials of a sweep share: they are looked at when it begins, and after each trial."""

from collections.abc import Callable

from lmao.cache import open_cache
from lmao.config.run import Config
from lmao.errors import Unavailable, UserError
from lmao.run.inputs import check_inputs
from lmao.run.start import start_digest
from lmao.vectors.loading import table_digest


class Inputs:
    """`digests`: of the texts and tables that the settings name, as they were at first: paths differ between machines.

    Raises:
        UserError: something isn't there.
    """

    def __init__(self, settings: Config, warn: Callable[[str], None]) -> None:
        self._settings = settings
        self._warn = warn
        self.digests = self._look()

    def trouble(self) -> UserError | None:
        """What is wrong with them now."""
        try:
            self._look()
        except UserError as gone:
            return gone
        return None

    def require_unchanged(self) -> None:
        """After a trial, which may have read files that are no longer those that its study is of. What is gone has not
        changed.

        Raises:
            Unavailable: they have changed.
        """
        try:
            found = self._look()
        except UserError:
            return
        changed = [name for name, digest in found.items() if self.digests[name] != digest]
        if changed:
            raise Unavailable(
                "its files changed while the sweep ran",
                setting=changed[0],
                advice="put them back, or start another study with hydra.sweeper.study_name",
            )

    def _look(self) -> dict[str, str]:
        source = check_inputs(self._settings, open_cache(self._settings.cache_dir, self._warn))
        digests = {name: table_digest(table) for name, table in self._settings.tables.items()}
        found = {"data": source.fingerprint(), **digests, "pretrain.from": start_digest(self._settings)}
        return {name: digest[:12] for name, digest in found.items() if digest is not None}
