"""A case of behaviour: a document, what becomes of its steps, and the history that follows."""

from dataclasses import dataclass, field
from typing import Any

from tests.machine.world import Action, Fate, World

ANYTHING: Any = object()


@dataclass(frozen=True)
class Case:
    """`covers` are the cells of the table that it fills, `kind/outcome`; `says` stands there.

    `lines` is the history, in the words of `world.told`; `end` the status of the run, and the code
    of its error. `exact` says that a crash anywhere leads to the same end, output and error.
    """

    name: str
    covers: str
    says: str
    document: str
    lines: str
    end: str
    fates: dict[str, Fate] = field(default_factory=dict)
    on: list[tuple[str, Action]] = field(default_factory=list)
    idle: list[Action] = field(default_factory=list)
    input: Any = None
    output: Any = ANYTHING
    start: dict[str, Any] = field(default_factory=dict)
    exact: bool = True

    def run(self) -> World:
        """Run it to its end."""
        world = World(self.document, self.fates, on=self.on, idle=self.idle)
        return world.start(self.input, **self.start).run()

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Return what it covers."""
        return [tuple(cell.split("/", 1)) for cell in self.covers.split()]  # type: ignore[misc]


def end_of(world: World) -> str:
    """Return how a run has ended: its status, and the code of its error."""
    state = world.state
    return state.status if state.error is None else f"{state.status} {state.error['code']}"


def split(lines: str) -> list[str]:
    """Return the lines of a history as a case has them."""
    return [line.strip() for line in " ".join(lines.split()).split(";")]
