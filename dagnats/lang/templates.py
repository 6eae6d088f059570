"""Expressions of a document: bare conditions, and trees of values with `${{ … }}` in them."""

from collections.abc import Iterator
from collections.abc import Mapping as AnyMapping

from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr.ast import Expr, ListOf, Literal, MapOf
from dagnats.expr.syntax.parser import Origin, parse_expression, parse_template_text
from dagnats.lang.tree import Embedded
from dagnats.source.document import Mapping, Node, Scalar, Sequence, to_json
from dagnats.source.placement import Placement

_MARK = "${{"


def condition(node: Node | None, sink: Sink) -> Embedded | None:
    """Return a bare expression, or None where there is none or it does not parse."""
    if not isinstance(node, Scalar) or not isinstance(node.value, (bool, str)) or node.value == "":
        return None
    if isinstance(node.value, bool):
        return Embedded(Literal(node.value, 1), node.span, {1: node.span})
    parsed = parse_expression(node.value, _origin(node), sink)
    return Embedded(parsed.expr, node.span, parsed.spans) if parsed else None


def template(node: Node | None, sink: Sink) -> Embedded | None:
    """Return a tree of values as one expression; None where there is none or a part fails to parse.

    What holds no `${{` is one literal, however deep.
    """
    if node is None:
        return None
    builder = _Template(sink)
    expr = builder.build(node)
    return None if builder.failed else Embedded(expr, node.span, builder.spans, builder.constants)


class _Spans(AnyMapping[int, Span]):
    """Spans of a template's nodes; those inside expressions are worked out when asked for."""

    __slots__ = ("_owners",)

    def __init__(self) -> None:
        self._owners: dict[int, Span | AnyMapping[int, Span]] = {}

    def __getitem__(self, key: int) -> Span:
        owner = self._owners[key]
        return owner if isinstance(owner, Span) else owner[key]

    def __iter__(self) -> Iterator[int]:
        return iter(self._owners)

    def __len__(self) -> int:
        return len(self._owners)

    def add(self, key: int, span: Span) -> None:
        self._owners[key] = span

    def include(self, spans: AnyMapping[int, Span]) -> None:
        self._owners.update(dict.fromkeys(spans, spans))


class _Template:
    """Builds one template; ids are unique within it."""

    def __init__(self, sink: Sink) -> None:
        self.spans = _Spans()
        self.failed = False
        self._sink = sink
        self._next = 1
        self._live: dict[int, bool] = {}
        self.constants: dict[int, Node] = {}

    def build(self, node: Node) -> Expr:
        if not self._is_live(node):
            number = self._id(node.span)
            if isinstance(node, Mapping):
                self.constants[number] = node
            return Literal(to_json(node), number)
        match node:
            case Scalar():
                return self._text(node)
            case Sequence(items=items):
                parts = tuple(self.build(item) for item in items)
                return ListOf(parts, (), self._id(node.span))
            case Mapping(entries=entries):
                pairs = tuple(
                    (Literal(entry.key, self._id(entry.key_span)), self.build(entry.value))
                    for entry in entries
                )
                return MapOf(pairs, (), self._id(node.span))

    def _text(self, node: Scalar) -> Expr:
        parsed = parse_template_text(
            str(node.value), _origin(node), self._sink, first_id=self._next
        )
        if parsed is None:
            self.failed = True
            return Literal(None, self._id(node.span))
        self.spans.include(parsed.spans)
        self._next = max(parsed.spans, default=self._next) + 1
        return parsed.expr

    def _is_live(self, node: Node) -> bool:
        """Whether an expression, or the escape of one, stands anywhere below."""
        if isinstance(node, Scalar):
            return isinstance(node.value, str) and _MARK in node.value
        if (known := self._live.get(id(node))) is not None:
            return known
        match node:
            case Sequence(items=items):
                live = any(self._is_live(item) for item in items)
            case Mapping(entries=entries):
                live = any(self._is_live(entry.value) for entry in entries)
        self._live[id(node)] = live
        return live

    def _id(self, span: Span) -> int:
        number = self._next
        self._next += 1
        self.spans.add(number, span)
        return number


def _origin(node: Scalar) -> Origin:
    """Return where the text of a scalar stands: behind its quote, if it has one."""
    start = node.span.start
    if not node.verbatim:
        placement = Placement(str(node.value), node.written, node.style, node.span)
        return Origin(start, node.span, False, placement.span)
    if node.style in {"single", "double"}:
        start = Position(start.offset + 1, start.line, start.column + 1)
    return Origin(start, node.span, True)
