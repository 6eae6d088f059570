"""The settings of `dagnats lint`: `dagnats.toml`, or `[tool.dagnats.lint]` of `pyproject.toml`.

The nearest one found upwards from a document holds for it, whole: settings of different files do
not mix. Flags override what it says, key by key. A mistake in it is told with its place.
"""

import os
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from dagnats.diagnostics.selection import Selection
from dagnats.errors import UsageError

OWN = "dagnats.toml"
SHARED = "pyproject.toml"
_OURS = re.compile(rb"dagnats[\"']?\s*(?:\.\s*[\"']?lint\b|\]|=\s*\{)")
"""What stands in a shared file that may have settings of ours, however TOML is written."""

KEYS = ("select", "ignore", "strict", "exclude")


class Settings(NamedTuple):
    """What is reported and what is passed over; `file` is where it was said, if anywhere."""

    selection: Selection = Selection()
    strict: bool = False
    exclude: tuple[str, ...] = ()
    file: str | None = None

    def excludes(self, path: str) -> bool:
        """Whether a document that was found in a folder is passed over.

        A pattern without `/` fits a name anywhere, another one the path from the file's folder.
        """
        if not self.exclude or self.file is None:
            return False
        root = Path(self.file).absolute().parent
        relative = os.path.relpath(path, root).replace(os.sep, "/")
        parts = relative.split("/")
        return any(
            fnmatchcase(relative, pattern.rstrip("/"))
            or fnmatchcase(relative, pattern.rstrip("/") + "/*")
            or ("/" not in pattern and any(fnmatchcase(part, pattern) for part in parts))
            for pattern in self.exclude
        )


class Flags(NamedTuple):
    """What the command line says; None where it is silent."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    strict: bool | None = None


class Configuration:
    """The settings of documents by where they are; each file of settings is read once."""

    def __init__(self, flags: Flags, file: str | None = None) -> None:
        self._flags = flags
        self._given = None if file is None else self._overridden(_read(file) or Settings())
        self._by_folder: dict[Path, Settings] = {}
        if self._given is None and (flags.select or flags.ignore):
            self._overridden(Settings())  # so that a wrong flag is told before anything is read

    def settings(self, path: str) -> Settings:
        """Return what holds for the document at a path. Raises UsageError."""
        return self._given or self._of_folder(Path(path).absolute().parent)

    @property
    def files(self) -> list[str]:
        """Return the files that anything was read from."""
        everywhere = [self._given] if self._given else list(self._by_folder.values())
        return sorted({settings.file for settings in everywhere if settings.file})

    def _of_folder(self, folder: Path) -> Settings:
        known = self._by_folder.get(folder)
        if known is None:
            above = folder.parent
            own = _found(folder)
            if own is not None:
                known = self._overridden(own)
            else:
                known = self._overridden(Settings()) if above == folder else self._of_folder(above)
            self._by_folder[folder] = known
        return known

    def _overridden(self, settings: Settings) -> Settings:
        flags = self._flags
        for flag, codes in (("--select", flags.select), ("--ignore", flags.ignore)):
            for code in codes or ():
                if wrong := _problem(code, ignored=flag == "--ignore"):
                    raise UsageError(f"{flag}: {wrong}")
        chosen = settings.selection
        return settings._replace(
            selection=Selection(
                chosen.select if flags.select is None else flags.select,
                chosen.ignore if flags.ignore is None else flags.ignore,
            ),
            strict=settings.strict if flags.strict is None else flags.strict,
        )


def _found(folder: Path) -> Settings | None:
    """Return the settings that stand in a folder, if any do."""
    own, shared = folder / OWN, folder / SHARED
    if own.is_file():
        return _read(str(own))
    # Loading the parser and reading a large file costs; most of these files are not about us.
    if shared.is_file() and _OURS.search(_bytes(str(shared))):
        return _read(str(shared), is_optional=True)
    return None


def _read(file: str, *, is_optional: bool = False) -> Settings | None:
    """Return the settings of a file; None when it has none and need not. Raises UsageError."""
    import tomllib

    try:
        text = _bytes(file).decode("utf-8")
        table: Any = tomllib.loads(text)
    except UnicodeDecodeError as wrong:
        raise UsageError(f"`{file}` is not UTF-8: byte {wrong.start} is {wrong.reason}") from wrong
    except tomllib.TOMLDecodeError as wrong:
        at = re.search(r"^(.*) \(at line (\d+), column (\d+)\)$", str(wrong))
        place = f"{file}:{at[2]}:{at[3]}: {at[1]}" if at else f"{file}: {wrong}"
        raise UsageError(place) from wrong
    path = ["tool", "dagnats"] if Path(file).name == SHARED else []
    page = _Page(file, text)
    for part in [*path, "lint"]:
        if not isinstance(table, Mapping):
            raise page.wrong(part, f"`{part}` has to be a table")
        if part not in table:
            return None if is_optional else Settings(file=file)
        table = table[part]
    return page.settings(table)


def _bytes(file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as wrong:
        raise UsageError(f"cannot read `{file}`: {wrong.strerror or wrong}") from wrong


class _Page:
    """A file of settings, for messages that say where something stands in it."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._text = text

    def settings(self, table: Any) -> Settings:
        """Return the settings of the table `lint`. Raises UsageError."""
        if not isinstance(table, Mapping):
            raise self.wrong("lint", "`lint` has to be a table")
        for key in table:
            if key not in KEYS:
                raise self.wrong(key, f"`lint` has no key `{key}`; it takes {_listed(KEYS)}")
        strict = table.get("strict", False)
        if not isinstance(strict, bool):
            raise self.wrong("strict", "`strict` has to be true or false")
        selection = Selection(self._codes(table, "select"), self._codes(table, "ignore"))
        return Settings(selection, strict, self._words(table, "exclude"), self._file)

    def _codes(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        codes = self._words(table, key)
        for code in codes:
            if problem := _problem(code, ignored=key == "ignore"):
                raise self.wrong(key, problem, code)
        return codes

    def _words(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        words = table.get(key, [])
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise self.wrong(key, f"`{key}` has to be a list of strings")
        return tuple(words)

    def wrong(self, key: str, message: str, value: str | None = None) -> UsageError:
        """Return the error about a key, or about a value that stands behind it."""
        at = self._at(rf"^[ \t]*\[*[^\n#=]*?(?P<it>[\"']?\b{re.escape(key)}\b)", 0)
        if value is not None:
            at = self._at(rf"[\"'](?P<it>{re.escape(value)})[\"']", at)
        line = self._text.count("\n", 0, at) + 1
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        return UsageError(f"{self._file}:{line}:{column}: {message}")

    def _at(self, pattern: str, start: int) -> int:
        header = re.search(r"^[ \t]*\[[^\]\n]*\blint\b[^\]\n]*\]", self._text, re.MULTILINE)
        start = start or (header.start() if header else 0)
        found = re.compile(pattern, re.MULTILINE).search(self._text, start)
        return found.start("it") if found else start


def _problem(code: str, *, ignored: bool) -> str | None:
    from dagnats.diagnostics.selection import problem

    return problem(code, ignored=ignored)


def _listed(keys: tuple[str, ...]) -> str:
    return ", ".join(f"`{key}`" for key in keys)
