"""Text to positioned document: YAML 1.2 and JSON, read by one path.

    text ─ characters, json_text ─▶ parser of ruamel.yaml ─ events ─▶ nodes ─▶ Document
                                                └ stopped ─▶ recovery

The parser gives events with offsets; everything that could surprise is decided here and in the
modules beside: what scalars mean (`scalars`), what they only seem to mean (`traps`), what `<<`
brings (`merging`), why a text broke off (`recovery`), which features are refused (tags, several
documents), and what it may cost (the limits below). Offsets are code points in the text as given;
a byte order mark takes an offset but no column.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

from msgspec import Struct
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
    Label,
    Position,
    Severity,
    Sink,
    Span,
)
from dagnats.diagnostics.places import BOM
from dagnats.source import characters, json_text
from dagnats.source.anchors import Anchors, content_start, is_name
from dagnats.source.checks import Checks
from dagnats.source.document import Document, Entry, Mapping, Node, Scalar, Sequence
from dagnats.source.merging import KEY, is_merge, merged
from dagnats.source.sheet import RefusedError, Sheet
from dagnats.source.traps import EXPRESSION_KEYS

NODES_MAX = 250_000
"""Nodes of a document, those that aliases and merges repeat included."""

REPEATED_MAX = 100_000
"""Nodes that the aliases of a document may repeat, merges included."""

DEPTH_MAX = 64
SCALAR_CHARS_MAX = 1_048_576
"""Characters of one key or value."""

_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
_PAIR_SHRINKS = len(r"\ud83d\ude00") - len(r"\U0001F600")
_STYLES = {
    "'": "single", '"': "double", "|": "literal", ">": "folded", "": "plain", None: "plain",
}  # fmt: skip
_NAMES = frozenset({"required", "depends_on"})
"""Keys of lists of names, which are no more ambiguous than the keys that they name."""

_BLOCKS = frozenset({"literal", "folded"})
_MASKED = re.compile(r"(?<=[^\s,\[\]{}\"']):(?=[^\s,\[\]{}])|(?<=[^\s,\[\]{}])\?")
"""Signs within words: in brackets, an old libyaml takes them for indicators."""

_COLON_MASK, _QUESTION_MASK = "\ue000", "\ue001"
_MASKS = frozenset({_COLON_MASK, _QUESTION_MASK})


class _Read(NamedTuple):
    """A node, where its text ends, and what it costs; `size` and `height` count aliased parts."""

    node: Node
    end: Position
    size: int = 1
    height: int = 1


def read(text: str, file: str, sink: Sink) -> Document | None:
    """Read a document; None when it has no usable root, and then the sink says why.

    The sink may hold errors (duplicate keys, tags) although a document is returned: what could be
    read is there for the later passes.
    """
    refusal = characters.refusal(text)
    if refusal is not None:
        sink.add(refusal)
        return None
    for finding in characters.invisible(text):
        sink.add(finding)
    verdict = json_text.judge(text, file)
    is_json_broken = False
    for finding in verdict.findings:
        sink.add(finding)
        is_json_broken = is_json_broken or finding.severity is Severity.ERROR
    attempt = _best_attempt(verdict.text)
    # Where both stand, what JSON says explains why YAML stopped.
    if attempt.stopped is None or not is_json_broken:
        for finding in attempt.sink.sorted():
            sink.add(finding)
        sink.suppressed += attempt.sink.suppressed
    return None if attempt.root is None else Document(text, file, attempt.root)


def read_bytes(data: bytes, file: str, sink: Sink) -> Document | None:
    """Read a document from the bytes of its file, which have to be UTF-8."""
    text = characters.decode(data, sink)
    return None if text is None else read(text, file, sink)


class _Attempt(Struct, frozen=True):
    """What one parser made of a text; `stopped` and `is_dated` as in `RefusedError`."""

    root: Node | None
    sink: Sink
    stopped: int | None = None
    is_dated: bool = False


def _best_attempt(text: str) -> _Attempt:
    """Read with the fastest parser; what it is too old for is masked, or read by the one in Python.

    The libyaml of our binaries predates YAML 1.2: it stops at `{a: http://b}`. Of several that
    stop, the one that got furthest has found the mistake.
    """
    fast = _fast_parser()
    best = _attempt(text, fast)
    if fast is None or not best.is_dated:
        return best
    if not _MASKS & set(text):
        best = _further(best, _attempt(text, fast, is_masked=True))
    return _further(best, _attempt(text, None)) if best.is_dated else best


def _further(one: _Attempt, other: _Attempt) -> _Attempt:
    if one.stopped is None or (other.stopped is not None and other.stopped <= one.stopped):
        return one
    return other


def _attempt(text: str, fast: Any, *, is_masked: bool = False) -> _Attempt:
    sink = Sink()
    try:
        return _Attempt(_Builder(text, sink, fast, is_masked=is_masked).document(), sink)
    except RefusedError as refused:
        kept = Sink()
        for finding in sink.sorted():
            # Where brackets do not match, what stands for a key or a value is not known.
            if finding.code != "DN1004" or refused.diagnostic.code != "DN1016":
                kept.add(finding)
        kept.add(refused.diagnostic)
        return _Attempt(None, kept, refused.stopped, refused.is_dated)


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


def _mask(found: re.Match[str]) -> str:
    return _COLON_MASK if found.group() == ":" else _QUESTION_MASK


def _unmask(text: str) -> str:
    return text.replace(_COLON_MASK, ":").replace(_QUESTION_MASK, "?")


class _Builder:
    """Builds nodes from the events of one text."""

    def __init__(self, text: str, sink: Sink, fast: Any, *, is_masked: bool = False) -> None:
        self._text = text
        self._fast = fast
        self._sink = sink
        self._sheet = Sheet(text)
        self._checks = Checks(self._sheet, sink)
        # Neither parser sees the mark: one would count it and the other would not.
        self._shift = len(BOM) if text.startswith(BOM) else 0
        source, self._pair_ends = _join_pairs(text[self._shift :])
        # Marks count lines and columns as we do, unless what is parsed is not what is written.
        self._are_marks_ours = not self._pair_ends and BOM not in source
        self._length = len(source)
        self._is_masked = is_masked
        if is_masked:
            source = _MASKED.sub(_mask, source)
        self._events = self._parse(source)
        self._anchors: Anchors[_Read] = Anchors(self._sheet)
        self._nodes = 0
        self._repeated = 0
        self._last: tuple[int, int, str] | None = None
        self._open: list[int] = []  # brackets, by where they stand
        self._key = ""
        self._is_key = True  # until a mapping has one: a root is no value of a key

    def document(self) -> Node:
        """Return the root of the only document of the text."""
        roots: list[Node] = []
        for event in self._events:
            if not isinstance(event, DocumentStartEvent):
                continue
            if roots:
                start = self._position(event.start_mark).offset
                self._refuse(
                    "DN1008",
                    "a second document begins here",
                    self._sheet.span(start, start + 3),
                    "keep one workflow per file",
                )
            roots.append(self._node(next(self._events), 1).node)
        if not roots or (isinstance(roots[0], Scalar) and roots[0].value is None):
            self._refuse("DN1009", "the document is empty", NOWHERE, "begin with `name:`")
        self._checks.root(roots[0])
        for finding in self._anchors.unused():
            self._sink.add(finding)
        return roots[0]

    def _parse(self, text: str) -> Iterator[Any]:
        try:
            parser = _parser(text, self._fast)
            check, get = parser.check_event, parser.get_event
            while check():
                yield get()
        except MarkedYAMLError as wrong:
            raise self._stopped(wrong) from None
        except YAMLError as wrong:
            message = f"this is not valid YAML: {wrong}"
            raise RefusedError(Diagnostic("DN1001", message, NOWHERE), 0) from None

    def _stopped(self, wrong: MarkedYAMLError) -> RefusedError:
        mark, context = wrong.problem_mark or wrong.context_mark, wrong.context_mark
        at = min(self._offset(mark), len(self._text)) if mark else 0
        began = None if context is None else self._offset(context)
        problem, within = wrong.problem or "", wrong.context or ""
        from dagnats.source.recovery import Trouble, explain

        trouble = Trouble(problem, within, at, began, self._last, tuple(self._open))
        # Where YAML 1.2 allows more than 1.1 did.
        is_dated = self._text[at : at + 1] in {":", "?", "\t"}
        finding = explain(trouble, self._sheet)
        return RefusedError(finding, mark.index if mark else 0, is_dated=is_dated)

    def _node(self, event: Any, depth: int) -> _Read:
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        span = Span(self._position(event.start_mark), self._position(event.end_mark))
        self._nodes += 1
        if depth > DEPTH_MAX or self._nodes + self._repeated > NODES_MAX:
            self._refuse_size(span)
        anchor = event.anchor
        if anchor is not None:
            anchor = _unmask(anchor)
            self._anchors.begin(anchor, span.start.offset)
        if isinstance(event, ScalarEvent):
            read_ = self._scalar(event, span)
        else:
            if event.tag is not None:
                self._checks.tag(_unmask(str(event.tag)), self._key, span, is_scalar=False)
            is_list = isinstance(event, SequenceStartEvent)
            build = self._sequence if is_list else self._mapping
            start = self._content_start(event, span)
            is_flow = bool(event.flow_style)
            if is_flow:
                self._open.append(start.offset)
            read_ = build(is_flow, start, depth)
            if is_flow:
                self._open.pop()
        if anchor is not None:
            self._anchors.end(anchor, read_)
        return read_

    def _alias(self, event: Any, depth: int) -> _Read:
        span = Span(self._position(event.start_mark), self._position(event.end_mark))
        name = _unmask(event.anchor)
        target = self._anchors.use(name)
        if target is None:
            is_sign = self._key in EXPRESSION_KEYS or not is_name(name)
            if is_sign and not self._anchors.is_open(name):
                from dagnats.source.recovery import begun_sign

                raise RefusedError(begun_sign(self._sheet, span, is_certain=False))
            raise RefusedError(self._anchors.missing(name, span))
        self._repeated += target.size
        if self._repeated > REPEATED_MAX:
            message = f"aliases repeat {self._repeated} nodes up to here, more than {REPEATED_MAX}"
            help_ = f"repeat less: up to here the text itself has {self._nodes} nodes"
            labels = (Label(self._anchors.place(name), f"{target.size} nodes each time"),)
            raise RefusedError(Diagnostic("DN1027", message, span, labels=labels, help=help_))
        if depth + target.height - 1 > DEPTH_MAX or self._nodes + self._repeated > NODES_MAX:
            self._refuse_size(span)
        return _Read(target.node, span.end, target.size, target.height)

    def _scalar(self, event: Any, span: Span) -> _Read:
        text = self._text
        value = _unmask(event.value) if self._is_masked else event.value
        style = _STYLES[event.style]
        start, end = span.start.offset, span.end.offset
        self._last = (start, end, style)
        if event.anchor is not None:
            # An anchor may have no content behind it.
            start = min(content_start(text, start), end)
            span = self._sheet.span(start, end)
        if style in _BLOCKS:
            end = start + len(text[start:end].rstrip())
            span = self._sheet.span(start, end)
        if len(value) > SCALAR_CHARS_MAX:
            message = f"a text has {len(value)} characters, more than {SCALAR_CHARS_MAX}"
            self._refuse("DN1011", message, span, "keep it in a file of its own")
        written = text[start:end]
        if event.tag is not None and self._checks.tag(
            _unmask(str(event.tag)), self._key, span, is_scalar=True
        ):
            return _Read(Scalar(None, span, style, False, written), span.end)
        if style == "plain":
            verbatim = written == value
            value = self._checks.plain(value, span, is_key=self._is_key or self._key in _NAMES)
            kept = "" if verbatim and type(value) is not float else written
            return _Read(Scalar(value, span, style, verbatim, kept), span.end)
        verbatim = written[1:-1] == value and "\n" not in value
        if not verbatim:
            value = self._checks.quoted(value, span)
        self._checks.end(end)
        return _Read(Scalar(value, span, style, verbatim, "" if verbatim else written), span.end)

    def _sequence(self, is_flow: bool, start: Position, depth: int) -> _Read:
        end = start
        self._is_key = False
        items: list[Node] = []
        size, height = 1, 0
        while not isinstance(following := next(self._events), SequenceEndEvent):
            item = self._node(following, depth + 1)
            items.append(item.node)
            size, height, end = size + item.size, max(height, item.height), item.end
        end = self._close(following, end, is_flow=is_flow)
        return _Read(Sequence(tuple(items), Span(start, end)), end, size, height + 1)

    def _mapping(self, is_flow: bool, start: Position, depth: int) -> _Read:
        end = start
        entries: dict[str, Entry] = {}
        merge: Entry | None = None
        size, height = 1, 0
        while not isinstance(following := next(self._events), MappingEndEvent):
            self._key, self._is_key = "", True
            key_read = self._node(following, depth + 1)
            key_node = key_read.node
            # An alias stands where it does, not where its key was written.
            is_alias = isinstance(following, AliasEvent)
            key_span = self._alias_span(following) if is_alias else key_node.span
            key = self._checks.key(key_node, key_span)
            self._key, self._is_key = key or "", False
            value = self._node(next(self._events), depth + 1)
            size += key_read.size + value.size
            height, end = max(height, value.height, key_read.height), value.end
            if key is None:
                continue
            if (first := entries.get(key)) is not None:
                self._checks.again(key, key_span, first)
                continue
            entry = entries[key] = Entry(key, key_span, value.node)
            if key == KEY and isinstance(key_node, Scalar) and is_merge(key_node):
                merge = entry
            self._checks.entry(entry, is_flow=is_flow, is_root=depth == 1)
        end = self._close(following, end, is_flow=is_flow)
        own = tuple(entries.values())
        if merge is None:
            return _Read(Mapping(own, Span(start, end)), end, size, height + 1)
        whole = merged(own, merge, self._sink)
        return _Read(Mapping(whole, Span(start, end), own), end, size, height + 1)

    def _close(self, event: Any, last: Position, *, is_flow: bool) -> Position:
        """Return where a collection ends: at its bracket, or with its last part."""
        if not is_flow:
            return last
        end = self._position(event.end_mark)
        self._checks.end(end.offset)
        return end

    def _content_start(self, event: Any, span: Span) -> Position:
        """Return where a collection begins, behind its anchor."""
        if event.anchor is None:
            return span.start
        return self._sheet.places.position(content_start(self._text, span.start.offset))

    def _alias_span(self, event: Any) -> Span:
        return Span(self._position(event.start_mark), self._position(event.end_mark))

    def _position(self, mark: Any) -> Position:
        index = mark.index
        # Behind the last line, a mark pretends that there is one more.
        if self._are_marks_ours and index < self._length:
            return Position(index + self._shift, mark.line + 1, mark.column + 1)
        return self._sheet.places.position(self._offset(mark))

    def _offset(self, mark: Any) -> int:
        index = int(mark.index)
        return index + self._shift + _PAIR_SHRINKS * bisect_right(self._pair_ends, index)

    def _refuse_size(self, span: Span) -> NoReturn:
        if self._nodes + self._repeated > NODES_MAX:
            message = f"the document has more than {NODES_MAX} nodes, aliases expanded"
            self._refuse("DN1011", message, span, "split it into several workflows")
        message = f"the document is nested deeper than {DEPTH_MAX} levels"
        self._refuse("DN1011", message, span, "flatten it")

    def _refuse(self, code: str, message: str, span: Span, help_: str) -> NoReturn:
        raise RefusedError(Diagnostic(code, message, span, help=help_))
