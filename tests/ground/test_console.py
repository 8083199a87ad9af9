"""What the console prints to a pipe, to a terminal of 80 columns, and to the log."""

import io
import logging
import os
import re
import signal

import pytest
import rich.console

from lmao import console as console_module
from lmao.console import Console, counted, duration, shortened, words_counted
from lmao.stop import Stopped


def piped() -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(rich.console.Console(file=file, width=80, force_terminal=False)), file


def terminal(width: int = 80) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(rich.console.Console(file=file, width=width, force_terminal=True, highlight=False)), file


def seen(file: io.StringIO) -> list[str]:
    """The lines without colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue()).replace("\r", "\n").splitlines()


LONG = "epoch 1/2 · 0.81 M words · 44,100 words/s · loss 0.412 · held-out cosine .63, word@1 .31, and so on and on"


def test_a_finished_stage_is_one_plain_line_in_a_pipe() -> None:
    console, file = piped()
    with console.stage("pretrain", total=10) as stage:
        stage.advance(10, loss=0.4)
        stage.done(LONG)
    assert "\x1b" not in file.getvalue()
    [line] = seen(file)
    assert line.startswith(f"pretrain   {LONG}  ")
    assert line.endswith(" s")


def test_a_long_stage_tells_a_pipe_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "PLAIN_SECONDS", 0.0)
    console, file = piped()
    with console.stage("pretrain", total=200) as stage:
        stage.advance(50, loss=0.412, held_out=0.5)
    [line] = seen(file)
    assert re.fullmatch(r"pretrain   25% · [\d,.]+ words/s · loss 0\.412 · held out 0\.5 · \d.* left", line)


def test_calls_in_quick_succession_print_nothing_more() -> None:
    console, file = piped()
    with console.stage("encode") as stage:
        for _ in range(1000):
            stage.advance(1)
    assert file.getvalue() == ""


def test_a_terminal_sees_a_bar_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "LIVE_SECONDS", 0.0)
    console, file = terminal()
    with console.stage("pretrain", total=200) as stage:
        stage.advance(50, loss=0.412)
        console.line("pretrain", "epoch 1/2")
        stage.done("epoch 2/2")
    lines = seen(file)
    assert any("━" in line and "25%" in line and "loss 0.412" in line for line in lines)
    assert "pretrain   epoch 1/2" in lines
    assert lines[-1].startswith("pretrain   epoch 2/2")
    assert "\x1b[2K" in file.getvalue()


def test_lines_wrap_under_their_text_at_80_columns() -> None:
    console, file = terminal(80)
    console.line("pretrain", LONG, 12.0)
    console.warn(
        "coverage is 31%: the vectors hardly know these texts, choose others or train them here (vectors=floret)"
    )
    console.summary(
        [
            (
                "dev accuracy",
                "0.901  (95%: 0.883 - 0.917, n = 1,200)   linear baseline on the same labels: textcat=linear",
            )
        ]
    )
    lines = seen(file)
    assert max(map(len, lines)) < 80
    assert lines[0].endswith("12 s")
    assert lines[1].startswith(" " * 11) and lines[1][11] != " "
    assert lines[-1].startswith(" " * 14)


def test_a_stage_that_fails_has_no_finished_line() -> None:
    console, file = piped()
    with pytest.raises(ValueError, match="broken"), console.stage("data") as stage:
        stage.done("6 labels")
        raise ValueError("broken")
    assert file.getvalue() == ""


def test_the_log_gets_what_the_user_sees(caplog: pytest.LogCaptureFixture) -> None:
    console, _ = piped()
    with caplog.at_level(logging.INFO, "lmao"):
        console.line("data", "docstrings", 7.0)
        console.warn("few texts")
        console.summary([("model", "outputs/model")])
    assert [record.message for record in caplog.records] == [
        "data: docstrings (7.0 s)",
        "few texts",
        "model: outputs/model",
    ]


def test_what_looks_like_markup_is_printed_as_it_is() -> None:
    console, file = terminal()
    console.line("compare", 'python -m lmao.fill "Return the [MASK] [bold]."')
    assert seen(file) == ['compare    python -m lmao.fill "Return the [MASK] [bold]."']


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (7, "7.0 s"), (9.96, "10 s"), (92, "1 min 32 s"), (7500, "2 h 5 min")]
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_what_is_shortened_ends_in_an_ellipsis() -> None:
    assert shortened("abc", 3) == "abc" and shortened("abcd", 3) == "ab…"


@pytest.mark.parametrize(("words", "text"), [(7, "7 words"), (9_999, "9,999 words"), (10_000, "0.01 M words")])
def test_few_words_are_not_0_M(words: int, text: str) -> None:
    assert words_counted(words) == text


def test_one_and_many() -> None:
    assert [counted(number, "text") for number in (0, 1, 2000)] == ["0 texts", "1 text", "2,000 texts"]
    assert counted(2, "study", "studies") == "2 studies"


def test_a_pipe_that_nobody_reads_any_more_is_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as closed:
        monkeypatch.setattr("sys.stdout", closed)
        with pytest.raises(Stopped) as stopped:
            Console().line("encode", "300 texts")
    assert stopped.value.signal_number == signal.SIGPIPE
