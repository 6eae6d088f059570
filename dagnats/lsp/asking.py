"""A question about a place in a text that is being written, and so is broken just there.

At the cursor a word is filled in, so that the document can be read and the place located; for
types, the whole scalar is replaced by an expression that parses and has the receiver in it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dagnats.compiler.outline import Outline
from dagnats.compiler.spots import Spot
from dagnats.diagnostics.diagnostic import NOWHERE, Sink
from dagnats.expr.ast import Expr
from dagnats.expr.checking.access import escaped
from dagnats.expr.syntax.parser import Origin, parse_expression
from dagnats.expr.types import Type
from dagnats.lang import tree
from dagnats.lang.front import is_library
from dagnats.lang.imports import Load
from dagnats.lang.keys import Expression, Template
from dagnats.lsp.analysis import Analyst, Look
from dagnats.lsp.cursor import Cursor, plain, read_cursor
from dagnats.lsp.where import Where, locate
from dagnats.source.document import Document, Scalar
from dagnats.source.reader import read

_WORD = "zz"
_NOTHING = "null"
_ORIGIN = Origin(NOWHERE.start, NOWHERE, verbatim=False)
_QUOTED = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|\$\{\{.*?\}\}")
_ROOTS_BY_KEY: dict[tuple[str, str], tuple[str, ...]] = {
    ("agentLoopConfig", "until"): ("loop", "result"),
    ("loopConfig", "while"): ("loop",),
    ("loopConfig", "until"): ("loop",),
    ("loopConfig", "state"): ("loop",),
    ("loopConfig", "output"): ("loop",),
    ("mapConfig", "output"): ("item", "index"),
    ("waitForEventConfig", "match"): ("event",),
    ("eventTrigger", "match"): ("event",),
    ("cancelOn", "match"): ("event", "input"),
}
_BRACKETS = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A place in a text: what stands there, and the expression up to it, where it is in one.

    `text` is that of the document with a word filled in, in which `where` and `scalar` stand.
    """

    text: str
    file: str
    document: Document
    where: Where
    scalar: Scalar
    is_bare: bool = False
    cursor: Cursor | None = None

    def filled(self, expression: str) -> str:
        """Return the text with the scalar replaced by one expression."""
        span = self.scalar.span
        return (
            self.text[: span.start.offset]
            + self._written(expression)
            + self.text[span.end.offset :]
        )

    def _written(self, expression: str) -> str:
        whole = expression if self.is_bare else f"${{{{ {expression} }}}}"
        return json.dumps(whole, ensure_ascii=False)

    def look(self, analyst: Analyst, load: Load | None, expression: str = _NOTHING) -> Look | None:
        """Return the types around, where the expression is another one."""
        return analyst.types_in(self.filled(expression), self.file, load)

    def look_as_it_is(self, analyst: Analyst, load: Load | None) -> Look | None:
        """Return the types around, with the word filled in."""
        return analyst.types_in(self.text, self.file, load)

    def receiver(self, analyst: Analyst, load: Load | None) -> tuple[Type | None, Look | None]:
        """Return the type of what the cursor refers to, as exact as what is before makes it."""
        cursor = self.cursor
        if cursor is None:
            return None, None
        return self.type_of(cursor.receiver, cursor.fillings, analyst, load)

    def type_of(
        self, receiver: str, fillings: tuple[str, ...], analyst: Analyst, load: Load | None
    ) -> tuple[Type | None, Look | None]:
        """Return the type of an expression in the first filling that parses."""
        wanted = parsed(receiver)
        start = self.scalar.span.start.offset
        for filling in fillings:
            if wanted is None or parsed(filling) is None:
                continue
            look = self.look(analyst, load, filling)
            if look is None:
                return None, None
            return look.type_of(wanted, start, start + len(self._written(filling))), look
        return None, None

    def sure(self, names: tuple[str, ...], analyst: Analyst, load: Load | None) -> frozenset[str]:
        """Return which optional fields of what the cursor refers to are known to be there."""
        cursor = self.cursor
        if cursor is None or not names:
            return frozenset()
        written = {name: f"{cursor.receiver}.{escaped(name)}" for name in names}
        filling = f"{cursor.before}[{', '.join(written.values())}]{cursor.closers}"
        look = None if parsed(filling) is None else self.look(analyst, load, filling)
        if look is None:
            return frozenset()
        start = self.scalar.span.start.offset
        end = start + len(self._written(filling))
        trees = {name: parsed(text) for name, text in written.items()}
        return frozenset(
            name for name, tree_ in trees.items() if tree_ and look.is_sure(tree_, start, end)
        )


def parsed(expression: str) -> Expr | None:
    """Return the tree of an expression, or None."""
    found = parse_expression(expression, _ORIGIN, Sink())
    return None if found is None else found.expr


def ask(text: str, file: str, offset: int) -> Asked | None:
    """Return what stands at a place; None where that is no value, or nothing can be read."""
    for candidate in _readable(text, offset):
        document = read(candidate, file, Sink())
        if document is not None:
            break
    else:
        return None
    where = locate(document, offset, "library" if is_library(document) else "workflow")
    scalar = where.node
    if where.on_key or not isinstance(scalar, Scalar):
        return None
    is_bare = isinstance(where.kind, Expression)
    start = _expression_start(candidate, scalar, offset, where, is_bare=is_bare)
    cursor = None
    if start is not None:
        source = scalar.span.start.offset
        mended = candidate[:source] + plain(candidate[source:offset], scalar.style)
        cursor = read_cursor(mended, start, offset)
    return Asked(candidate, file, document, where, scalar, is_bare, cursor)


def _readable(text: str, offset: int) -> Iterator[str]:
    """Yield the text with a word at the cursor, then with the rest of its line made up."""
    yield text[:offset] + _WORD + text[offset:]
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    ends = [at for at in (text.find("\n", offset), text.find("\r", offset)) if at >= 0]
    end = min(ends, default=len(text))
    yield text[:offset] + _WORD + _closing(text[start:offset]) + text[end:]


def _closing(line: str) -> str:
    """Return what closes the quote and the brackets that a line of YAML leaves open."""
    rest = _QUOTED.sub("", line)
    found = re.search(r"(?:^|[\s:,\[{(-])([\"'])", rest)
    closing = ""
    if found is not None:
        closing, rest = found[1], rest[: found.start(1)]
    stack: list[str] = []
    for char in rest.replace("${{", ""):
        if char in _BRACKETS:
            stack.append(_BRACKETS[char])
        elif stack and char == stack[-1]:
            stack.pop()
    return closing + "".join(reversed(stack))


def _expression_start(
    text: str, scalar: Scalar, offset: int, where: Where, *, is_bare: bool
) -> int | None:
    start = scalar.span.start.offset
    if is_bare:
        if scalar.style in {"single", "double"}:
            return start + 1
        if scalar.style in {"literal", "folded"}:
            return text.find("\n", start) + 1
        return start
    if not isinstance(where.kind, Template):
        return None
    at = text.rfind("${{", start, offset)
    if at < 0 or text.startswith("$", at - 1) or text.find("}}", at, offset) >= 0:
        return None
    return at + 3


@dataclass(frozen=True, slots=True)
class Sight:
    """What an expression at a place sees: roots, and steps by id with what they are."""

    roots: tuple[str, ...]
    steps: tuple[tree.Step, ...]


def sight(look: Look, asked: Asked) -> Sight:
    """Return what the expression that was asked about sees."""
    outline, workflow = look.tables.outline, look.tables.workflow
    offset = asked.scalar.span.start.offset
    number = step_at(outline, offset)
    spot = _spot_at(look, offset)
    base = ["input", "run", "secrets"]
    base += ["trigger"] if workflow.triggers else []
    base += ["vars"] if "vars" in workflow.keys else []
    if number is None:
        own = _roots_by_key(asked.where) if spot is None else spot.roots
        known = {*base, "event", "steps"}
        roots = [name for name in own if name in known] or base
        steps = _visible(outline, None, None) if "steps" in roots else ()
        return Sight((*dict.fromkeys([*roots, "secrets"]),), steps)
    roots = [*base, "steps"]
    for container in outline.ancestors(number):
        match outline.steps[container].config:
            case tree.Map():
                roots += ["item", "index"]
            case tree.Loop() | tree.AgentLoop():
                roots += ["loop"]
            case _:
                pass
    if outline.in_handler(number):
        roots.append("error")
    roots += _roots_by_key(asked.where) if spot is None else spot.roots
    body = None if spot is None else spot.body
    return Sight((*dict.fromkeys(roots),), _visible(outline, number, body))


def _roots_by_key(where: Where) -> tuple[str, ...]:
    """Return the roots of an expression in a block that lacks too much to be read."""
    if where.block is None or where.key is None:
        return ()
    return _ROOTS_BY_KEY.get((where.block.name, where.key.name), ())


def _visible(outline: Outline, number: int | None, body: str | None) -> tuple[tree.Step, ...]:
    if number is None:
        return tuple(
            outline.steps[at] for at in outline.scopes[0].steps if at not in outline.handlers
        )
    scopes = list(outline.seen_from(outline.scope_of[number]))
    if body is not None:
        scopes = [
            at for at in outline.bodies.get(number, ()) if body in {outline.scopes[at].name, "*"}
        ] + scopes
    hidden = {number, *outline.ancestors(number)}
    if not outline.in_handler(number):
        hidden |= set(outline.handlers)
    found = (at for scope in scopes for at in outline.scopes[scope].steps if at not in hidden)
    return tuple(outline.steps[at] for at in found)


def step_at(outline: Outline, offset: int) -> int | None:
    """Return the innermost step around an offset."""
    best: tuple[int, int] | None = None
    for number, step in enumerate(outline.steps):
        start, end = step.span.start.offset, step.span.end.offset
        if step.file is None and start <= offset <= end and (best is None or end - start < best[0]):
            best = end - start, number
    return None if best is None else best[1]


def _spot_at(look: Look, offset: int) -> Spot | None:
    best: tuple[int, Spot] | None = None
    for spot, _ in look.checked:
        start, end = spot.embedded.span.start.offset, spot.embedded.span.end.offset
        if start <= offset <= end and (best is None or end - start < best[0]):
            best = end - start, spot
    return None if best is None else best[1]
