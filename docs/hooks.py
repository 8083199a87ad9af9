"""What `make docs` adds to the pages of docs/: those that stand elsewhere in the repository, and the settings.

Links are written as they work in the repository; here they are turned into links of the site. A link to a file that is
no page is left as it is, so that the strict build fails on it.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.settings_page import settings_page

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = {  # page of the site: where it stands
    "index.md": "README.md",
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "benchmarks/README.md": "benchmarks/README.md",
}
LINK = re.compile(r"(?<=\]\()([^)\s:#]+)")  # a relative one, without its anchor


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for page, source in places().items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    files.append(File.generated(config, "reference/settings.md", content=settings_page(ROOT / "conf")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    of_site = {source: site for site, source in places().items()}
    own = page.file.src_uri
    source = places().get(own, f"docs/{own}")

    def link(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[0]))
        found = of_site.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
        return match[0] if found is None else posixpath.relpath(found, posixpath.dirname(own))

    return LINK.sub(link, markdown)


def places() -> dict[str, str]:
    """By their names on the site: what stands outside docs/, and where."""
    kinds = (".md", ".png", ".svg", ".csv", ".jsonl")
    results = (path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "results").rglob("*")))
    return ELSEWHERE | {path: path for path in results if path.endswith(kinds)}
