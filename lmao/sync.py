"""The command line: `python -m lmao.sync [FOLDER…] [--uri URL]` sends what runs kept while MLflow was away."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from lmao import cli
from lmao.console import counted
from lmao.errors import UserError
from lmao.passwords import HIDDEN, without_passwords
from lmao.tracking.kept import KEPT
from lmao.tracking.sending import kept_for, send_kept

FOLDERS = (Path("outputs"), Path("multirun"))


def main() -> int:
    parser = cli.Parser(prog="python -m lmao.sync", description=(__doc__ or "").partition("` ")[2])
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER",
                        help="of runs, or one above them; outputs and multirun by default")  # fmt: skip
    parser.add_argument("--uri", metavar="URL", help="tracking.uri, where it has a password, which no run keeps")
    arguments = parser.parse_args()
    return cli.main(lambda: sync(arguments.folders, arguments.uri))


def sync(folders: Sequence[Path], uri: str | None) -> None:
    """Send, and say what was sent and what is still kept. folders: where none is named, those that runs go to.

    Raises:
        UserError: a folder that is named isn't there, a store is away, or its password is missing.
    """
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"there is no folder {folder}", advice="name a run's, or one above it")
    keeping = sorted({path.parent for folder in folders or FOLDERS for path in folder.rglob(KEPT)})
    stores = {folder: kept_for(folder) for folder in keeping}
    chosen = [uri] if uri is not None else sorted({store for store in stores.values() if store is not None})
    sent = 0
    for store in chosen:
        of_it = [folder for folder, name in stores.items() if name == without_passwords(store)]
        if HIDDEN in store:
            raise UserError(
                f"{counted(len(of_it), 'run is', 'runs are')} kept for {store}",
                setting="--uri",
                advice="give it with its password",
            )
        sent += _sent(of_it, store)
    print(f"{sent} sent, {len(keeping) - sent} still kept")


def _sent(folders: Iterable[Path], uri: str) -> int:
    sent = 0
    for folder in send_kept(folders, uri):
        print(f"sent {folder}", flush=True)
        sent += 1
    return sent


if __name__ == "__main__":
    sys.exit(main())
