"""The Markdown of a report becomes one HTML page that needs no network: pictures are in it, tables can be sorted."""

import base64
import html
import importlib.resources
from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token


def page(title: str, markdown: str, pictures: Mapping[str, bytes]) -> str:
    """`pictures`: the SVG of what the text shows, by the name that stands there; one that there is not is left out.

    HTML in the text, which may come from the name of a study, is shown and not obeyed.
    """
    renderer = MarkdownIt("commonmark", {"html": False}).enable("table")

    def picture(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
        drawn = pictures.get(str(tokens[index].attrs["src"]))
        if drawn is None:
            return ""
        content = base64.b64encode(drawn).decode("ascii")
        return f'<img alt="{html.escape(tokens[index].content)}" src="data:image/svg+xml;base64,{content}">'

    renderer.add_render_rule("image", picture)
    template = importlib.resources.files("lmao.report").joinpath("page.html").read_text(encoding="utf-8")
    return Template(template).substitute(title=html.escape(title), body=renderer.render(markdown))
