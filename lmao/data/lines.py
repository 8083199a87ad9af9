"""A file of text becomes lines, each with its place. UTF-8; UTF-16 and UTF-32 where the file says so at its start."""

import codecs
import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from lmao.errors import UserError
from lmao.files import LONGEST_LINE, lines_of, too_long

ENCODINGS = {  # by the bytes that a file begins with; UTF-32's mark begins with UTF-16's
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
PACKED = {
    b"PK\x03\x04": ("a .zip archive or an Office file", "unpack it, or save it as CSV"),
    b"\x1f\x8b": ("a gzip file", "end its name in .gz"),
    b"BZh": ("a bzip2 file", "unpack it"),
    b"\xfd7zXZ": ("an xz file", "unpack it"),
    b"\x28\xb5\x2f\xfd": ("a zstd file", "unpack it"),
    b"PAR1": ("a Parquet file", "end its name in .parquet"),
}


def is_gzip(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def ending(path: Path) -> str:
    """What says how the file is read: `.csv` of `texts.CSV.gz`."""
    return Path(path.stem if is_gzip(path) else path.name).suffix.lower()


def refuse_packed(path: Path, start: bytes) -> None:
    """Look at a file's first bytes.

    Raises:
        UserError: they are those of a file that has to be unpacked, or called something else.
    """
    for mark, (kind, advice) in PACKED.items():
        if start.startswith(mark):
            raise UserError(f"{path}: {kind}", advice=advice)


def refuse_cr(path: Path, first: str) -> None:
    """Look at the first line of a file whose lines are rows or texts.

    Raises:
        UserError: it is the whole file, whose lines end in CR alone.
    """
    if "\r" in first.rstrip() and not first.endswith("\n"):
        raise UserError(f"{path}: its lines end in CR alone", advice="save it with LF or CR LF")


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and in those below it, linked ones too, in order, but for hidden ones: a Mac's copy of a
    file has its attributes beside it as ._name.

    Raises:
        OSError: a folder can't be read.
    """

    def walk(here: Path, above: Collection[Path]) -> Iterator[Path]:
        """above: the folders that it lies in; a link to one of them would never end."""
        real = here.resolve()
        for path in () if real in above else here.iterdir():
            if path.is_dir() and not path.name.startswith("."):
                yield from walk(path, {*above, real})
            elif path.is_file() and not path.name.startswith("."):
                yield path

    return sorted(walk(folder, ()))


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Each line with its place, `file:line`; they end at "\\n" alone.

    Raises:
        UserError: the line's, or the file's: it is packed, or in no encoding that is read.
    """
    number = 0
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            stream = cast(io.BufferedReader, file)
            refuse_packed(path, stream.peek(8))
            for numbered in stream_lines(stream, path):
                number += 1
                yield numbered
    except gzip.BadGzipFile as error:
        if number:
            raise UserError(f"{path}:{number + 1}: a damaged gzip file: {error}") from None
        raise UserError(f"{path}: not a gzip file", advice="rename it if it isn't packed") from None
    except (EOFError, zlib.error) as error:
        raise UserError(f"{path}:{number + 1}: a damaged or incomplete gzip file: {error}") from None


def stream_lines(stream: io.BufferedReader, path: Path) -> Iterator[tuple[str, str]]:
    """The same of an open stream; path: of its file, for places and errors."""
    start = stream.peek(8)
    encoding = next((name for mark, name in ENCODINGS.items() if start.startswith(mark)), "utf-8")
    decoded = _utf8(path, stream, encoding) if encoding.startswith("utf-8") else _wide(path, stream, encoding)
    for number, line in enumerate(decoded, start=1):
        place = f"{path}:{number}"
        if "\0" in line:
            raise UserError(f"{place}: has a NUL byte: is it UTF-16? Save it as UTF-8")
        yield place, line


def _utf8(path: Path, stream: BinaryIO, encoding: str) -> Iterator[str]:
    """Decoded one by one: an error then knows where it is."""
    for number, raw in enumerate(lines_of(stream, path), start=1):
        try:
            yield raw.decode(encoding if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            advice = "save it as UTF-8: if it is from Western Europe, iconv -f cp1252 -t utf-8 does that"
            raise UserError(f"{path}:{number}: not UTF-8 (byte {error.start} of the line)", advice=advice) from None


def _wide(path: Path, stream: BinaryIO, encoding: str) -> Iterator[str]:
    number = 0
    try:
        with io.TextIOWrapper(stream, encoding, newline="\n") as text:
            while line := text.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise too_long(path, number)
                yield line
    except UnicodeError:
        raise UserError(
            f"{path}: begins as {encoding.upper()}, but isn't after line {number}", advice="save it as UTF-8"
        ) from None
