"""Text to positioned document: YAML 1.2 and JSON, read by one path.

The parser of ruamel.yaml gives events with offsets; everything that could surprise is decided here:
what scalars mean (`scalars`), which features are refused (tags, merge keys, several documents),
and what it may cost (`TEXT_BYTES_MAX`, `NODES_MAX`, `DEPTH_MAX`, aliases counted as often as they
are used). Offsets are code points in the text as given; a byte order mark takes an offset but no
column.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from dagnats.diagnostics.diagnostic import (
    NOWHERE,
    Diagnostic,
    Edit,
    Fix,
    Label,
    Position,
    Sink,
    Span,
)
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence
from dagnats.source.scalars import Refusal, resolve
from dagnats.source.syntax import advise

TEXT_BYTES_MAX = 4_194_304
NODES_MAX = 250_000
DEPTH_MAX = 64

_BOM = "\ufeff"
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_FOREIGN_BREAK = re.compile("[\x85\u2028\u2029]")
"""Line breaks of YAML 1.1, text in 1.2: the parsers would fold them, so none may stand."""

_BREAK = re.compile(r"\r\n|\r|\n")
_ANCHOR = re.compile(r"&[^\s,\[\]{}]+(?:\s|(?<=\s)#[^\r\n]*)*")
_DIRECTIVE = re.compile("(?:^|(?<=[\r\ufeff]))%[^\r\n]*", re.MULTILINE)
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_PAIR_SHRINKS = len(r"\ud83d\ude00") - len(r"\U0001F600")
_STYLES = {"'": "single", '"': "double", "|": "literal", ">": "folded"}


class _RefusedError(Exception):
    """Reading cannot go on; carries the finding that says why.

    `stopped` is the offset where a parser gave up, None when the refusal is ours.
    """

    def __init__(self, diagnostic: Diagnostic, stopped: int | None = None) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        self.stopped = stopped


@dataclass(frozen=True, slots=True)
class _Read:
    """A node, where its text ends, and what it costs; `size` and `height` count aliased parts."""

    node: Node
    end: int
    size: int = 1
    height: int = 1


def read(text: str, file: str, sink: Sink) -> Document | None:
    """Read a document; None when it has no usable root, and then the sink says why.

    The sink may hold errors (duplicate keys, tags) although a document is returned: what could be
    read is there for the later passes.
    """
    try:
        _check_text(text)
    except _RefusedError as refused:
        sink.add(refused.diagnostic)
        return None
    attempt = _best_attempt(text)
    for finding in attempt.sink.sorted():
        sink.add(finding)
    sink.suppressed += attempt.sink.suppressed
    return None if attempt.root is None else Document(text, file, attempt.root)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What one parser made of a text; `stopped` as in `_RefusedError`."""

    root: Node | None
    sink: Sink
    stopped: int | None = None


def _best_attempt(text: str) -> _Attempt:
    """Read with the fastest parser; what it cannot read, the one in Python gets to see.

    The libyaml of our binaries predates YAML 1.2: it stops at `{a: http://b}`. Where both stop,
    the one that got further has found the mistake.
    """
    attempt = _attempt(text, _fast_parser())
    if attempt.stopped is None or _fast_parser() is None:
        return attempt
    other = _attempt(text, None)
    return other if other.stopped is None or other.stopped > attempt.stopped else attempt


def _attempt(text: str, fast: Any) -> _Attempt:
    sink = Sink()
    try:
        return _Attempt(_Builder(text, sink, fast).document(), sink)
    except _RefusedError as refused:
        sink.add(refused.diagnostic)
        return _Attempt(None, sink, refused.stopped)


def _check_text(text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > TEXT_BYTES_MAX:
        message = f"the document has {size} bytes, more than {TEXT_BYTES_MAX}"
        raise _RefusedError(
            Diagnostic("DN1011", message, NOWHERE, help="split it into several workflows")
        )
    if found := _FORBIDDEN.search(text) or _FOREIGN_BREAK.search(text):
        at, code = found.start(), f"{ord(found.group()):04X}"
        place = _Places(text).span(at, at + 1)
        message, help_ = f"the character U+{code} is not allowed", "remove it"
        if _FOREIGN_BREAK.match(text, at):
            help_ += f', or write it as an escape in double quotes: "\\u{code}"'
        raise _RefusedError(Diagnostic("DN1002", message, place, help=help_))
    if found := _DIRECTIVE.search(text):
        place = _Places(text).span(*found.span())
        message, help_ = "a line cannot begin with `%`", "remove the directive, or indent the line"
        raise _RefusedError(Diagnostic("DN1001", message, place, help=help_))


@cache
def _fast_parser() -> Any:
    """Return the class of the parser in C, or None where no binary of it is installed."""
    try:
        return import_module("ruamel.yaml.cyaml").CParser
    except ImportError:
        return None


def _parser(text: str, fast: Any) -> Any:
    """Return a parser of the class, or the one in Python, which gives the same events, slower."""
    return fast(text) if fast else YAML(typ="safe", pure=True).get_constructor_parser(text)[1]


def _join_pairs(text: str) -> tuple[str, list[int]]:
    """Write JSON's escaped surrogate pairs as YAML can read them, and where each then ends.

    Each takes `_PAIR_SHRINKS` characters less than before.
    """
    ends: list[int] = []

    def join(found: re.Match[str]) -> str:
        ends.append(found.end() - _PAIR_SHRINKS * (len(ends) + 1))
        char = bytes.fromhex(found[2] + found[3]).decode("utf-16-be")
        return f"{found[1]}\\U{ord(char):08X}"

    return (_PAIR.sub(join, text) if text.lstrip().startswith("{") else text), ends


class _Places:
    """Turns offsets into positions."""

    def __init__(self, text: str) -> None:
        first = len(_BOM) if text.startswith(_BOM) else 0
        self._starts = [first, *(found.end() for found in _BREAK.finditer(text))]
        self._limit = len(text)

    def position(self, offset: int) -> Position:
        offset = min(offset, self._limit)
        line = max(bisect_right(self._starts, offset), 1)
        return Position(offset, line, max(offset - self._starts[line - 1], 0) + 1)

    def span(self, start: int, end: int) -> Span:
        return Span(self.position(start), self.position(end))


class _Builder:
    """Builds nodes from the events of one text."""

    def __init__(self, text: str, sink: Sink, fast: Any) -> None:
        self._text = text
        self._fast = fast
        self._sink = sink
        self._places = _Places(text)
        # Neither parser sees the mark: one would count it and the other would not.
        self._shift = len(_BOM) if text.startswith(_BOM) else 0
        source, self._pair_ends = _join_pairs(text[self._shift :])
        self._events = self._parse(source)
        self._anchors: dict[str, _Read | None] = {}
        self._nodes = 0

    def document(self) -> Node:
        """Return the root of the only document of the text."""
        roots: list[Node] = []
        for event in self._events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if roots:
                start = self._start(event)
                self._refuse(
                    "DN1008",
                    "a second document begins here",
                    self._places.span(start, start + 3),
                    "keep one workflow per file",
                )
            roots.append(self._node(next(self._events), 1).node)
        if not roots or (isinstance(roots[0], Scalar) and roots[0].value is None):
            self._refuse("DN1009", "the document is empty", NOWHERE, "begin with `name:`")
        return roots[0]

    def _parse(self, text: str) -> Iterator[Any]:
        try:
            parser = _parser(text, self._fast)
            while parser.check_event():
                yield parser.get_event()
        except MarkedYAMLError as wrong:
            mark = wrong.problem_mark or wrong.context_mark
            raise _RefusedError(self._syntax(wrong), mark.index if mark else 0) from None
        except YAMLError as wrong:
            message = f"this is not valid YAML: {wrong}"
            raise _RefusedError(Diagnostic("DN1001", message, NOWHERE), 0) from None

    def _syntax(self, wrong: MarkedYAMLError) -> Diagnostic:
        mark = wrong.problem_mark or wrong.context_mark
        at = min(self._offset(mark), len(self._text)) if mark else 0
        advice = advise(wrong.problem or "", wrong.context or "", self._text[at : at + 1])
        labels: tuple[Label, ...] = ()
        end = at + 1
        if advice.at_context and wrong.context_mark is not None:
            labels = (Label(self._places.span(at, end), "reading stopped here"),)
            at = self._offset(wrong.context_mark)
            end = at + 1
        elif advice.at_backslash:
            at = max(self._text.rfind("\\", 0, end), 0)
            end = at + 2
        span = self._places.span(at, end)
        return Diagnostic("DN1001", advice.message, span, labels=labels, help=advice.help)

    def _node(self, event: Any, depth: int) -> _Read:
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        span = self._span(event)
        self._spend(1, depth, span)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if event.tag is not None:
            self._refuse_tag(str(event.tag), span)
        if isinstance(event, ScalarEvent):
            read_ = self._scalar(event)
        elif isinstance(event, SequenceStartEvent):
            read_ = self._sequence(event, depth)
        else:
            read_ = self._mapping(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = read_
        return read_

    def _alias(self, event: Any, depth: int) -> _Read:
        span = self._span(event)
        target = self._anchors.get(event.anchor)
        if target is None:
            what = "stands inside itself" if event.anchor in self._anchors else "is not defined"
            message = f"the anchor `{event.anchor}` {what}"
            help_ = f"write `&{event.anchor}` before a value above this line"
            self._refuse("DN1006", message, span, help_)
        self._spend(target.size, depth + target.height - 1, span)
        return _Read(target.node, span.end.offset, target.size, target.height)

    def _scalar(self, event: Any) -> _Read:
        end = self._end(event)
        start = min(self._content_start(event), end)  # an anchor may have no content behind it
        style = _STYLES.get(event.style or "", "plain")
        if style in {"literal", "folded"}:
            end = start + len(self._text[start:end].rstrip())
        span = self._places.span(start, end)
        value = event.value
        inner = self._text[start:end] if style == "plain" else self._text[start + 1 : end - 1]
        verbatim = inner == value and "\n" not in value
        if style == "plain":
            value = resolve(value)
            if isinstance(value, Refusal):
                self._add("DN1010", value.message, span, value.help)
                value = None
        elif found := _FORBIDDEN.search(value):
            # An escape can smuggle in what the text itself may not hold, and what no UTF-8 can.
            message = f"the character U+{ord(found.group()):04X} is not allowed"
            self._add("DN1002", message, span, "leave the character out")
            value = _FORBIDDEN.sub("\ufffd", value)
        return _Read(Scalar(value, span, style, verbatim), end)

    def _sequence(self, event: Any, depth: int) -> _Read:
        start, end = self._content_start(event), self._end(event)
        items: list[Node] = []
        size, height = 1, 0
        while not isinstance(following := next(self._events), SequenceEndEvent):
            item = self._node(following, depth + 1)
            items.append(item.node)
            size, height, end = size + item.size, max(height, item.height), item.end
        end = self._close(following, end, flow=bool(event.flow_style))
        return _Read(Sequence(tuple(items), self._places.span(start, end)), end, size, height + 1)

    def _mapping(self, event: Any, depth: int) -> _Read:
        start, end = self._content_start(event), self._end(event)
        entries: dict[str, Entry] = {}
        size, height = 1, 0
        while not isinstance(following := next(self._events), MappingEndEvent):
            key_read = self._node(following, depth + 1)
            aliased = isinstance(following, AliasEvent)
            key_span = self._span(following) if aliased else key_read.node.span
            key = self._key(key_read.node, key_span)
            value = self._node(next(self._events), depth + 1)
            size += key_read.size + value.size
            height, end = max(height, value.height, key_read.height), value.end
            if key is not None and self._is_new(key, key_span, entries):
                entries[key] = Entry(key, key_span, value.node)
        end = self._close(following, end, flow=bool(event.flow_style))
        node = Mapping(tuple(entries.values()), self._places.span(start, end))
        return _Read(node, end, size, height + 1)

    def _key(self, node: Node, span: Span) -> str | None:
        """Return the key, or None after saying why it is none."""
        if not isinstance(node, Scalar):
            self._add("DN1004", "a key is a string, not a list or mapping", span, "name it")
            return None
        written = self._text[span.start.offset : span.end.offset]
        if node.style == "plain" and node.value == "<<":
            help_ = "use the alias itself as a value, or write the keys out"
            self._add("DN1007", "merge keys are not part of the language", span, help_)
            return None
        if not written:
            self._add("DN1004", "the key is missing", span, "write one before the `:`")
            return None
        if not isinstance(node.value, str):
            quoted = f'"{written}"'
            fix = Fix(f"write {quoted}", (Edit(span, quoted),), "safe")
            message, help_ = f"the key `{written}` is not a string", f"quote it: `{quoted}`"
            self._sink.add(Diagnostic("DN1004", message, span, help=help_, fixes=(fix,)))
            return written
        return node.value

    def _is_new(self, key: str, span: Span, entries: dict[str, Entry]) -> bool:
        if (first := entries.get(key)) is None:
            return True
        labels = (Label(first.key_span, "first defined here"),)
        message, help_ = f"the key `{key}` is defined twice", "remove or rename one of them"
        self._sink.add(Diagnostic("DN1003", message, span, labels=labels, help=help_))
        return False

    def _close(self, event: Any, last: int, *, flow: bool) -> int:
        """Return where a collection ends: at its bracket, or with its last part."""
        return self._end(event) if flow else last

    def _spend(self, nodes: int, depth: int, span: Span) -> None:
        self._nodes += nodes
        if self._nodes > NODES_MAX:
            message = f"the document has more than {NODES_MAX} nodes, aliases expanded"
            self._refuse("DN1011", message, span, "split it into several workflows")
        if depth > DEPTH_MAX:
            message = f"the document is nested deeper than {DEPTH_MAX} levels"
            self._refuse("DN1011", message, span, "flatten it")

    def _refuse_tag(self, tag: str, span: Span) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        help_ = "remove it; quote the value if it should begin with `!`"
        self._add("DN1005", f"the tag `{shown}` is not part of the language", span, help_)

    def _add(self, code: str, message: str, span: Span, help_: str) -> None:
        self._sink.add(Diagnostic(code, message, span, help=help_))

    def _refuse(self, code: str, message: str, span: Span, help_: str) -> NoReturn:
        raise _RefusedError(Diagnostic(code, message, span, help=help_))

    def _start(self, event: Any) -> int:
        return self._offset(event.start_mark)

    def _end(self, event: Any) -> int:
        return self._offset(event.end_mark)

    def _offset(self, mark: Any) -> int:
        index = int(mark.index)
        return index + self._shift + _PAIR_SHRINKS * bisect_right(self._pair_ends, index)

    def _span(self, event: Any) -> Span:
        return self._places.span(self._start(event), self._end(event))

    def _content_start(self, event: Any) -> int:
        """Return where a node begins, behind its anchor."""
        start = self._start(event)
        if event.anchor is not None and (found := _ANCHOR.match(self._text, start)):
            return found.end()
        return start
