"""The report as one HTML page."""

import re
from pathlib import Path

from lmao.report.page import page
from tests.support.reports import Workplace

TEXT = (
    "## A & B\n\n| n | name |\n| --- | --- |\n| 1 | a\\|b |\n\n![curve](curve.png)\n\n![lost](lost.png)\n\n- `x < y`\n"
)


def test_a_page_has_tables_and_pictures_and_needs_nothing_else() -> None:
    text = page("A & B", TEXT, {"curve.png": b"<svg/>"})
    assert "<title>A &amp; B</title>" in text and "<h2>A &amp; B</h2>" in text
    assert "<td>a|b</td>" in text and "<code>x &lt; y</code>" in text
    assert re.findall(r"<img [^>]*>", text) == ['<img alt="curve" src="data:image/svg+xml;base64,PHN2Zy8+">']
    assert not re.search(r"https?:|<link|src=\"(?!data:)|@import|url\(", text)


def test_markup_in_a_name_is_shown_and_not_obeyed() -> None:
    text = page("<b>", "## <script>alert(1)</script>\n\n[a](javascript:alert(1))", {})
    assert "<title>&lt;b&gt;</title>" in text and "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert text.count("<script>") == 1 and "href=" not in text


def test_the_page_of_a_report_says_what_its_tables_say(tmp_path: Path) -> None:
    workplace = Workplace(tmp_path)
    workplace.search(1, [0.8, 0.82, 0.83, 0.81])
    workplace.report()
    text = (workplace.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "<td>83.00</td>" in text and text.count("<table>") == workplace.text().count("| --- |\n")
    assert text.count("data:image/svg+xml") == 4
