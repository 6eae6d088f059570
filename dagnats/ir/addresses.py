"""Ids with dots that are addresses: what a run calls another node by is no id of a node.

charge.refund   is the handler `refund` of the step `charge`, and may be no step of its own
"""

import re
from collections.abc import Iterator

from dagnats.ir.program import PlannerNode, Program, SwitchNode
from dagnats.ir.structure import bodies_of, handlers_of

_DOT = re.compile(r"\.")


def addresses(program: Program) -> Iterator[str]:
    """Tell which ids at the top are addresses of other nodes; the table is sound."""
    dotted = [i for i, node in enumerate(program.nodes) if "." in node.id and node.within is None]
    if dotted:
        table = _Addresses(program)
        for i in dotted:
            other = table.taken_by(program.nodes[i].id)
            if other is not None:
                name = program.nodes[other].id
                yield f"node {i} `{program.nodes[i].id}`: a run calls `{name}` so"


class _Addresses:
    """Follows an id as an address.

    What is inside of a loop or a map has a number in its address, and so has no id of its form.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._below: dict[int, dict[str, int]] = {}
        self._inside: dict[int, list[int]] = {}
        for i, node in enumerate(program.nodes):
            if node.within is not None:
                self._inside.setdefault(node.within, []).append(i)
        last = program.finally_body
        ending = [] if last is None else self._inside.get(last, [])
        top = [i for i, node in enumerate(program.nodes) if node.within is None]
        self._top = {program.nodes[i].id: i for i in (*top, *ending)}

    def taken_by(self, id_: str) -> int | None:
        """Return the node that has this for its address, or the planner of such ones."""
        waiting, seen = [(self._top, id_)], set[tuple[int, str]]()
        while waiting:
            nodes, rest = waiting.pop()
            if (id(nodes), rest) in seen:
                continue
            seen.add((id(nodes), rest))
            if nodes is not self._top and rest in nodes:
                return nodes[rest]
            for dot in _DOT.finditer(rest):
                node = nodes.get(rest[: dot.start()])
                if node is None:
                    continue
                if isinstance(self._program.nodes[node], PlannerNode):
                    return node
                waiting.append((self._under(node), rest[dot.end() :]))
        return None

    def _under(self, at: int) -> dict[str, int]:
        """Return what has the address of a node in its own."""
        if at not in self._below:
            node = self._program.nodes[at]
            found = list(handlers_of(node))
            if isinstance(node, SwitchNode):
                found += [i for body in bodies_of(node) for i in self._inside.get(body, ())]
            self._below[at] = {self._program.nodes[i].id: i for i in found}
        return self._below[at]
