"""Paths that mean another place on another machine: made absolute for a sweep's jobs, and told of."""

from pathlib import Path

from lmao.config.overrides import quote
from lmao.config.run import Config
from lmao.config.tracking import MlflowTracking
from lmao.database import absolute, scheme
from lmao.paths import expanded


def absolute_paths(settings: Config) -> list[str]:
    """Overrides for a relative cache_dir: some launchers run jobs in folders of their own."""
    cache = expanded(settings.cache_dir, "cache_dir")
    return [] if cache.is_absolute() else [f"cache_dir={quote(str(cache.absolute()))}"]


def local_places(settings: Config, storage: str, folder: Path, named: str | None) -> str | None:
    """What workers on other machines won't share, as a text for the user; None on one machine, and if there is nothing.

    storage: a study in a SQLite file has workers on one machine. folder: the study's; named: hydra.sweep.dir, where the
    command line gives it.
    """
    if scheme(storage) == "sqlite":
        return None
    found = []
    cache = expanded(settings.cache_dir, "cache_dir")
    if not cache.is_absolute():
        found.append(f"cache_dir={settings.cache_dir} is {cache.absolute()}")
    if named is not None and not Path(named).is_absolute():
        found.append(f"hydra.sweep.dir={named} is {folder.parent}")
    if isinstance(settings.tracking, MlflowTracking) and scheme(settings.tracking.uri) == "sqlite":
        found.append(f"tracking.uri={settings.tracking.uri} is {absolute(settings.tracking.uri)}")
    return f"{', '.join(found)} here: workers on other machines have their own" if found else None
