"""What there is to draw: boxes, what is inside of them, and what leads from one to another."""

from typing import Literal

from msgspec import Struct, field

LinkKind = Literal["needs", "starts", "on_failure", "compensate", "then"]

WORK = frozenset({"task", "agent", "agent_loop", "planner", "sub_workflow"})
"""Kinds that somebody else does."""

WAITS = frozenset({"approval", "wait_for_event", "sleep"})
CONTAINERS = frozenset({"map", "loop", "switch", "finally"})
ENDS = frozenset({"respond", "continue_as_new", "fail"})
ENTRIES = frozenset({"trigger", "start"})


class Vertex(Struct, frozen=True):
    """A box: a step, or one of `trigger`, `start` and `finally`; `id` is unique in a drawing.

    `notes` are lines below the title: what it does first, then its condition and its join.
    """

    id: str
    kind: str
    title: str
    notes: tuple[str, ...] = ()
    scopes: "tuple[Scope, ...]" = ()
    critical: bool = False


class Link(Struct, frozen=True):
    """What leads from one vertex of a scope to another, by their indexes."""

    source: int
    target: int
    kind: LinkKind = "needs"
    label: str = ""
    critical: bool = False


class Scope(Struct, frozen=True):
    """Vertices that run as one, in document order: a workflow, a body, a case of a switch."""

    title: str = ""
    vertices: tuple[Vertex, ...] = ()
    links: tuple[Link, ...] = field(default=())
