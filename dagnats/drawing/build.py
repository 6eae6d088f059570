"""From a program to its drawing: bodies become scopes, edges become links of one scope."""

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from dagnats.drawing import wording
from dagnats.drawing.critical import Edges, critical_path
from dagnats.drawing.model import Link, LinkKind, Scope, Vertex
from dagnats.ir import program as p

TRIGGER = "trigger:"
START = "start:"
FINALLY = "finally:"
"""What the ids of vertices begin with that are no steps; ids of steps have no colon."""


def draw(program: p.Program, *, critical: bool = False) -> Scope:
    """Return the drawing of a program; `critical` marks the steps that take longest at the worst.

    An edge from or into a body stands between its container and the step at the other end.
    """
    steps, edges = critical_path(program) if critical else (frozenset[int](), Edges())
    return _Builder(program, steps, edges).whole()


class _Builder:
    def __init__(self, program: p.Program, critical: Collection[int], edges: Edges) -> None:
        self._program = program
        self._critical = critical
        self._critical_edges = edges
        self._inside: dict[int | None, list[int]] = {}
        for index, node in enumerate(program.nodes):
            self._inside.setdefault(node.within, []).append(index)
        self._handlers = {
            handler
            for node in program.nodes
            for handler in (node.on_failure, node.compensate)
            if handler is not None
        }
        self._links: dict[int | None, list[tuple[int, int, LinkKind, str]]] = {}
        for link in self._all_links():
            self._add(*link)

    def whole(self) -> Scope:
        """Return the scope of the workflow, with what starts it and what ends it."""
        members = self._inside.get(None, [])
        links = self._scope_links(None, members)
        handlers = {at for at, index in enumerate(members) if index in self._handlers}
        entered = handlers | {link.target for link in links}
        left = handlers | {link.source for link in links if link.kind == "needs"}
        first = [at for at in range(len(members)) if at not in entered]
        last = [at for at in range(len(members)) if at not in left]
        entries, starts = self._entries(first)
        vertices = [*entries, *map(self._vertex, members)]
        if self._program.finally_body is not None:
            body = self._body(self._program.finally_body, "")
            links += [Link(at, len(members), "then") for at in last]
            vertices.append(Vertex(FINALLY, "finally", "finally", (), (body,)))
        moved = [
            replace(link, source=link.source + len(entries), target=link.target + len(entries))
            for link in links
        ]
        return Scope(self._program.name, tuple(vertices), (*starts, *moved))

    def _entries(self, first: list[int]) -> tuple[list[Vertex], list[Link]]:
        """Return what starts the workflow; several triggers of several steps meet in a point."""
        entries = [
            Vertex(f"{TRIGGER}{trigger.id}", "trigger", trigger.id, wording.trigger_notes(trigger))
            for trigger in self._program.triggers
        ]
        count = len(entries)
        meet = count > 1 and len(first) > 1
        into = [count] if meet else [count + at for at in first]
        links = [Link(at, target, "starts") for at in range(count) for target in into]
        if meet:
            entries.append(Vertex(START, "start", "start"))
            links += [Link(count, count + 1 + at, "starts") for at in first]
        return entries, links

    def _vertex(self, index: int) -> Vertex:
        node = self._program.nodes[index]
        return Vertex(
            node.id,
            wording.kind_of(node),
            node.id,
            wording.notes_of(node),
            tuple(self._body(body, title) for body, title in _bodies(node)),
            index in self._critical,
        )

    def _body(self, body: int, title: str) -> Scope:
        members = self._inside.get(body, [])
        vertices = tuple(self._vertex(index) for index in members)
        return Scope(title, vertices, tuple(self._scope_links(body, members)))

    def _scope_links(self, body: int | None, members: list[int]) -> list[Link]:
        at = {index: n for n, index in enumerate(members)}
        return [
            Link(
                at[source],
                at[target],
                kind,
                label,
                kind == "needs" and (source, target) in self._critical_edges,
            )
            for source, target, kind, label in self._links.get(body, [])
        ]

    def _all_links(self) -> Iterator[tuple[int, int, LinkKind, str]]:
        for index, node in enumerate(self._program.nodes):
            for edge in node.edges:
                yield edge.source, index, "needs", wording.link_label(edge.accepts)
            if node.on_failure is not None:
                yield index, node.on_failure, "on_failure", "on failure"
            if node.compensate is not None:
                yield index, node.compensate, "compensate", "compensate"

    def _add(self, source: int, target: int, kind: LinkKind, label: str) -> None:
        """Keep a link in the innermost scope that both ends are in."""
        ends = dict(self._around(source))
        for body, end in self._around(target):
            if body in ends:
                link = (ends[body], end, kind, label)
                kept = self._links.setdefault(body, [])
                if ends[body] != end and link not in kept:
                    kept.append(link)
                return

    def _around(self, index: int) -> Iterator[tuple[int | None, int]]:
        """Yield the bodies around a node, innermost first, and what of them holds the node."""
        at: int | None = index
        while at is not None:
            body = self._program.nodes[at].within
            yield body, at
            at = None if body is None else self._program.bodies[body].container


def _bodies(node: p.Node) -> list[tuple[int, str]]:
    match node:
        case p.LoopNode() | p.MapNode():
            return [(node.body, "")]
        case p.SwitchNode():
            cases = [(case.body, wording.case_title(case)) for case in node.cases]
            return cases if node.default is None else [*cases, (node.default, "default")]
        case _:
            return []
