"""The reference of all settings, made of conf/: its values and its comments, which stand nowhere else.

A comment belongs to the setting on its line, and goes on in the lines below that hold a comment alone. Comments before
the first setting describe the file. A setting without a comment has that of the mapping it is in, or of the file that
its own builds on. A file with `# @package` sets the settings of others, which need no second explanation.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

LINE = re.compile(r"(?P<indent> *)(?P<key>[\w.]+):(?: +(?P<value>[^#\s].*?))?(?: +# ?(?P<comment>.*))?$")
PACKAGE = "# @package"
HIDDEN = {"name", "_target_", "params"}  # which option it is, and what Hydra needs
LAST = ("space", "sweep", "hydra/sweeper", "hydra/sweeper/pruner", "recipe", "experiment", "debug")
ADDED = ("recipe", "experiment")  # in no list of defaults: chosen with a plus
SKIPPED = ("hydra/help", "hydra/hydra_logging", "hydra/job_logging")
REQUIRED = "???"


@dataclass(frozen=True)
class Setting:
    key: str  # with dots, within its file
    value: str  # as YAML has it
    comment: str


@dataclass(frozen=True)
class Option:
    """A file of conf/: group is "" for config.yaml, which has the settings that no group has."""

    group: str
    name: str
    package: str | None
    description: str
    bases: Sequence[str]
    settings: Sequence[Setting]

    @property
    def defines(self) -> bool:
        """Whether its settings are its own, not those of other groups."""
        return self.package is None


def read_options(conf: Path) -> Sequence[Option]:
    """Every file of conf/ that a user chooses, settings and bases resolved."""
    found = [_read(path, conf) for path in sorted(conf.rglob("*.yaml"))]
    found = [option for option in found if option.group not in SKIPPED]
    by_name = {(option.group, option.name): option for option in found}
    return [
        replace(option, settings=[_with_comment(setting, option, by_name) for setting in option.settings])
        for option in found
    ]


def uncommented(options: Sequence[Option]) -> Sequence[str]:
    """file: setting of those that nothing explains; a file without a word about itself is one, too."""
    return [
        f"{option.group}/{option.name}.yaml: {setting.key}"
        for option in options
        if option.defines
        for setting in option.settings
        if not setting.comment
    ] + [f"{option.group}/{option.name}.yaml" for option in options if option.group and not option.description]


def settings_page(conf: Path) -> str:
    """The page, as Markdown."""
    options = read_options(conf)
    own = next(option for option in options if not option.group)
    groups = sorted({option.group for option in options if option.group}, key=lambda group: _order(group, conf))
    parts = [
        "# Settings\n\nMade of the files and comments of `conf/`. `group=option` on the command line takes a file, "
        "`group.setting=value` changes a value, and `python train.py --help` shows what a command line comes to.\n",
        "## Of the run\n",
        *_table(["setting", "default", ""], [(f"`{s.key}`", _code(s.value), s.comment) for s in own.settings]),
    ]
    for group in groups:
        parts += _group(group, [option for option in options if option.group == group])
    return "\n".join(parts) + "\n"


def _group(group: str, options: Sequence[Option]) -> Iterator[str]:
    yield f"\n## {group}\n"
    yield from _table([f"`{_choice(group)}=`", ""], [(f"`{option.name}`", option.description) for option in options])
    rows: dict[tuple[str, str, str], list[str]] = {}  # options that have it alike share a row
    for option in options:
        for setting in option.settings:
            rows.setdefault((setting.key, setting.value, setting.comment), []).append(option.name)
    if not rows:
        return
    prefix = {"hydra/sweeper": "hydra.sweeper.", "hydra/sweeper/pruner": "hydra.sweeper.pruner."}.get(
        group, f"{group}."
    )
    order = {key: i for i, key in enumerate(dict.fromkeys(key for key, _, _ in rows))}
    yield ""
    yield from _table(
        ["setting", "value", "of", ""],
        [
            (
                f"`{prefix if options[0].defines else ''}{key}`",
                _code(value),
                "all" if len(names) == len(options) > 1 else ", ".join(f"`{name}`" for name in names),
                comment,
            )
            for (key, value, comment), names in sorted(rows.items(), key=lambda row: order[row[0][0]])
        ],
    )


def _choice(group: str) -> str:
    return f"+{group}" if group in ADDED else group


def _code(value: str) -> str:
    return "required" if value == REQUIRED else f"`{value}`"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(_cell(cell) for cell in row) + " |"


def _cell(text: str) -> str:
    """A placeholder in angle brackets is no HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _order(group: str, conf: Path) -> tuple[int, int, str]:
    """As config.yaml has them; what sets others comes last."""
    defaults = (conf / "config.yaml").read_text(encoding="utf-8")
    return (LAST.index(group) + 1 if group in LAST else 0, defaults.find(f"- {group}:"), group)


def _read(path: Path, conf: Path) -> Option:
    lines = path.read_text(encoding="utf-8").splitlines()
    package = next((line.removeprefix(PACKAGE).strip() for line in lines if line.startswith(PACKAGE)), None)
    description = []
    for line in lines:
        if not line.startswith("#"):
            break
        if not line.startswith(PACKAGE):
            description.append(line.removeprefix("#").strip())
    group = path.parent.relative_to(conf).as_posix().removeprefix(".")
    bases = re.findall(r"^  - (\w+)$", "\n".join(lines), flags=re.MULTILINE)
    return Option(group, path.stem, package, " ".join(description), bases, list(_settings(lines)))


def _settings(lines: Sequence[str]) -> Iterator[Setting]:
    """Leaves alone; a mapping's own comment goes to those of its leaves that have none."""
    above: list[tuple[int, str, str]] = []  # indent, key, comment of the mappings that the line is in
    pending: Setting | None = None
    skipping = False
    for line in lines:
        if line.lstrip().startswith("#"):
            if pending is not None and line.startswith(" "):
                more = line.strip().lstrip("#").strip()
                pending = replace(pending, comment=f"{pending.comment} {more}".strip())
            continue
        match = LINE.match(line)
        skipping = line.startswith("defaults:") or (skipping and line.startswith(" "))
        if match is None or skipping:
            continue
        if pending is not None:
            yield pending
            pending = None
        indent, key = len(match["indent"]), match["key"]
        above = [mapping for mapping in above if mapping[0] < indent]
        comment = match["comment"] or (above[-1][2] if above else "")
        value = match["value"] or ""
        if not value:
            above.append((indent, key, comment))
        elif key not in HIDDEN:
            pending = Setting(".".join([*(name for _, name, _ in above), key]), value, comment)
    if pending is not None:
        yield pending


def _with_comment(setting: Setting, option: Option, options: dict[tuple[str, str], Option]) -> Setting:
    if setting.comment:
        return setting
    for base in option.bases:
        if (option.group, base) in options:
            of_base = options[option.group, base]
            for other in of_base.settings:
                if other.key == setting.key:
                    return replace(setting, comment=_with_comment(other, of_base, options).comment)
            for further in of_base.bases:
                if (option.group, further) in options:
                    for other in options[option.group, further].settings:
                        if other.key == setting.key:
                            return replace(setting, comment=other.comment)
    return setting
