"""The documents that are open, and what is known of each; newer texts take the place of older ones.

A text is judged a moment after it has changed, stage by stage, and between stages the server
listens: when the text changes meanwhile, what was begun for the older one ends there.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from msgspec import structs

from dagnats.diagnostics.diagnostic import Diagnostic, Severity
from dagnats.diagnostics.selection import Selection
from dagnats.lang.imports import CHARS_MAX as IMPORT_CHARS_MAX
from dagnats.lang.imports import Loaded
from dagnats.lsp.analysis import Analysis, Analyst
from dagnats.lsp.positions import Lines

CHARS_MAX = 1_000_000
"""Of a greater text nothing is judged while it is edited."""

PAUSE_S = 0.002
"""How long a text has to rest before it is judged; of a slow one half of what it took before."""

PAUSE_MAX_S = 0.5
LISTEN_S = 0.001
"""How long the server listens between two stages."""

_KEY = re.compile(r"""^[\ufeff"'{ \t]*(dagnats|name|steps)["']?[ \t]*:""", re.MULTILINE)
_SCHEMA = re.compile(r"\$schema[^\r\n]*\b(dagnats|workflow\.schema|library\.schema)")

Chosen = Callable[[str], tuple[Selection, bool]]
"""For the path of a document: which findings are wanted, and whether warnings are errors."""


class Teller(Protocol):
    """Tells the client."""

    def publish(self, document: "Open", analysis: Analysis) -> None:
        """Show what was found."""

    def log(self, error: BaseException) -> None:
        """Say that something of ours went wrong."""


@dataclass(eq=False)
class Open:
    """An open document. `analysis` is about `text`, or None while nothing is known."""

    uri: str
    path: str
    text: str
    version: int | None
    encoding: str
    is_ours: bool = False
    analysis: Analysis | None = None
    loaded: set[str] = field(default_factory=set)
    cost_s: float = 0.0
    task: "asyncio.Task[None] | None" = None
    published: object = None
    _lines: Lines | None = None

    @property
    def lines(self) -> Lines:
        """The lines of the text."""
        if self._lines is None:
            self._lines = Lines(self.text, self.encoding)
        return self._lines

    @property
    def is_huge(self) -> bool:
        """Whether the text is too long to be judged while it is edited."""
        return len(self.text) > CHARS_MAX

    def become(self, text: str, version: int | None) -> None:
        """Take another text."""
        self.text, self.version = text, version
        self.analysis, self._lines = None, None


class Desk:
    """All open documents. `started` and `finished` count how many texts were judged."""

    def __init__(self, teller: Teller, chosen: Chosen) -> None:
        self.analyst = Analyst()
        self.started = 0
        self.finished = 0
        self._teller = teller
        self._chosen = chosen
        self._problem = ""
        self._documents: dict[str, Open] = {}

    def get(self, uri: str) -> Open | None:
        """Return an open document."""
        return self._documents.get(uri)

    def open(self, document: Open) -> None:
        """Take a document in."""
        document.is_ours = is_ours(document.text)
        self._documents[document.uri] = document
        self._changed(document)

    def change(self, uri: str, text: str, version: int | None) -> None:
        """Give a document another text."""
        document = self._documents.get(uri)
        if document is None or (version is not None and version == document.version):
            return
        document.become(text, version)
        document.is_ours = document.is_ours or is_ours(text)
        self._changed(document)

    def close(self, uri: str) -> Open | None:
        """Forget a document."""
        document = self._documents.pop(uri, None)
        if document is not None:
            self._cancel(document)
            self._touch(document.path)
        return document

    def refresh(self, paths: Iterable[str] | None = None) -> None:
        """Judge again what depends on files that have changed; None is: everything."""
        wanted = None if paths is None else set(paths)
        for document in self._documents.values():
            if wanted is None or wanted & document.loaded:
                document.analysis = None
                self._schedule(document)

    def known(self, document: Open) -> Analysis | None:
        """Return everything about the text of a document, now; None where it is not for us."""
        if not document.is_ours or document.is_huge:
            return None
        if document.analysis is None:
            self._cancel(document)
            try:
                for _ in self._stages(document):
                    pass
            except Exception as error:  # noqa: BLE001 (the server goes on, whatever happens)
                self._teller.log(error)
        return document.analysis

    def load(self, document: Open) -> Callable[[str, str], Loaded | str] | None:
        """Return what reads the files that a document imports: open ones as they are now."""
        return (lambda within, path: self._load(document, within, path)) if document.path else None

    def _changed(self, document: Open) -> None:
        self._schedule(document)
        self._touch(document.path)

    def _touch(self, path: str) -> None:
        if path:
            self.refresh([path])

    def _cancel(self, document: Open) -> None:
        if document.task is not None:
            document.task.cancel()
            document.task = None

    def _schedule(self, document: Open) -> None:
        self._cancel(document)
        document.task = asyncio.get_running_loop().create_task(self._judge(document))

    async def _judge(self, document: Open) -> None:
        slow = document.cost_s > 2 * PAUSE_MAX_S
        await asyncio.sleep(min(document.cost_s / 2, PAUSE_MAX_S) if slow else PAUSE_S)
        if not document.is_ours or document.is_huge:
            self._teller.publish(document, Analysis(document.text, document.path, is_final=True))
            return
        try:
            for _ in self._stages(document):
                await asyncio.sleep(LISTEN_S)
        except Exception as error:  # noqa: BLE001 (the server goes on, whatever happens)
            self._teller.log(error)

    def _stages(self, document: Open) -> Iterable[None]:
        """Judge a text to its end, with a break after each stage."""
        self.started += 1
        began = time.perf_counter()
        document.loaded.clear()
        selection, strict = self._wanted(document)
        stages = self.analyst.stages(document.text, document.path, self.load(document))
        for found in stages:
            if found.is_final or found.findings:
                chosen = [each for each in found.findings if selection.wants(each)]
                shown = tuple(_as_error(each) for each in chosen) if strict else tuple(chosen)
                analysis = replace(found, findings=shown)
                if found.is_final:
                    document.analysis = analysis
                    document.cost_s = time.perf_counter() - began
                    self.finished += 1
                self._teller.publish(document, analysis)
            yield

    def _wanted(self, document: Open) -> tuple[Selection, bool]:
        try:
            return self._chosen(document.path)
        except Exception as error:  # noqa: BLE001 (settings that are wrong hold for nothing)
            if str(error) != self._problem:
                self._problem = str(error)
                self._teller.log(error)
            return Selection(), False

    def _load(self, document: Open, within: str, path: str) -> Loaded | str:
        name = os.path.normpath(Path(within).parent / path)
        document.loaded.add(name)
        for other in self._documents.values():
            if other.path == name:
                return Loaded(name, other.text)
        try:
            if Path(name).stat().st_size > 4 * IMPORT_CHARS_MAX:
                return "it is too large"
            return Loaded(name, Path(name).read_bytes().decode("utf-8"))
        except UnicodeDecodeError as wrong:
            return f"it is not UTF-8: byte {wrong.start} is {wrong.reason}"
        except (OSError, ValueError) as wrong:
            return str(getattr(wrong, "strerror", None) or wrong)

    async def settled(self, uri: str) -> None:
        """Wait until a document is judged as it is then, however often it changes meanwhile."""
        while (document := self._documents.get(uri)) is not None:
            task = document.task
            if task is None or task.done():
                return
            await asyncio.wait({task})

    async def settle(self) -> None:
        """Wait until everything is judged."""
        for uri in list(self._documents):
            await self.settled(uri)


def is_ours(text: str) -> bool:
    """Whether a text is meant as a workflow, or as a file of shared definitions.

    A guess, so that it takes what is not well-formed yet: editors send us all that is YAML.
    """
    keys = {found[1] for found in _KEY.finditer(text)}
    return "dagnats" in keys or keys >= {"name", "steps"} or _SCHEMA.search(text) is not None


def _as_error(finding: Diagnostic) -> Diagnostic:
    is_warning = finding.severity is Severity.WARNING
    return structs.replace(finding, severity=Severity.ERROR) if is_warning else finding
