"""A drawing as a Mermaid flowchart, which GitHub, GitLab and many editors show.

flowchart TB
  n1["fetch<br/>task http.get"]
  n1 --> n2
"""

from dagnats.drawing.characters import shown
from dagnats.drawing.layout import Direction
from dagnats.drawing.model import Link, Scope, Vertex
from dagnats.drawing.names import numbered, vertices_of

_SHAPES = {
    "agent": ("[[", "]]"),
    "agent_loop": ("[[", "]]"),
    "approval": ("{{", "}}"),
    "continue_as_new": ("([", "])"),
    "emit": (">", "]"),
    "fail": ("([", "])"),
    "planner": ("[[", "]]"),
    "respond": ("([", "])"),
    "sleep": ("(", ")"),
    "start": ("((", "))"),
    "sub_workflow": ("[(", ")]"),
    "transform": ("[/", "/]"),
    "trigger": ("([", "])"),
    "wait_for_event": ("{{", "}}"),
}
_ARROWS = {
    "needs": "-->",
    "starts": "-.->",
    "on_failure": "-.->",
    "compensate": "-.->",
    "then": "==>",
}
_PLAIN = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,/?()[]{}|!=+*'≤…→"
)


def render_mermaid(scope: Scope, direction: Direction) -> str:
    """Return the text of a flowchart; the same drawing always gives the same bytes."""
    writer = _Writer(scope, direction)
    writer.scope(scope, "  ")
    writer.classes()
    return "\n".join(writer.lines) + "\n"


class _Writer:
    def __init__(self, scope: Scope, direction: Direction) -> None:
        self._names = numbered(scope)
        self._direction = direction
        self._vertices = list(vertices_of(scope))
        self._links = 0
        self._critical: list[int] = []
        self.lines = [f"flowchart {direction}"]

    def scope(self, scope: Scope, indent: str) -> None:
        """Write what is inside of a scope: its vertices, then its links."""
        for vertex in scope.vertices:
            if vertex.scopes:
                self._group(vertex, indent)
            else:
                opening, closing = _SHAPES.get(vertex.kind, ("[", "]"))
                text = f"{opening}{_text(vertex)}{closing}"
                self.lines.append(f"{indent}{self._names[vertex.id]}{text}")
        for link in scope.links:
            self._link(scope, link, indent)

    def classes(self) -> None:
        """Mark the critical path."""
        marked = [self._names[vertex.id] for vertex in self._vertices if vertex.critical]
        if marked:
            self.lines.append("  classDef critical stroke:#c2410c,stroke-width:3px")
            self.lines.append(f"  class {','.join(marked)} critical")
        if self._critical:
            numbers = ",".join(map(str, self._critical))
            self.lines.append(f"  linkStyle {numbers} stroke:#c2410c,stroke-width:3px")

    def _group(self, vertex: Vertex, indent: str) -> None:
        name = self._names[vertex.id]
        self.lines.append(f"{indent}subgraph {name}[{_text(vertex)}]")
        self.lines.append(f"{indent}  direction {self._direction}")
        for number, body in enumerate(vertex.scopes, 1):
            if body.title:
                self.lines.append(f'{indent}  subgraph {name}b{number}["{_escaped(body.title)}"]')
                self.scope(body, f"{indent}    ")
                self.lines.append(f"{indent}  end")
            else:
                self.scope(body, f"{indent}  ")
        self.lines.append(f"{indent}end")

    def _link(self, scope: Scope, link: Link, indent: str) -> None:
        source, target = scope.vertices[link.source], scope.vertices[link.target]
        label = f'|"{_escaped(link.label)}"|' if link.label else ""
        arrow = f"{_ARROWS[link.kind]}{label}"
        self.lines.append(f"{indent}{self._names[source.id]} {arrow} {self._names[target.id]}")
        if link.critical:
            self._critical.append(self._links)
        self._links += 1


def _text(vertex: Vertex) -> str:
    lines = [vertex.title, *vertex.notes]
    return f'"{"<br/>".join(map(_escaped, lines))}"'


def _escaped(text: str) -> str:
    """Return a text with Mermaid's entities for all that could mean something to it."""
    return "".join(
        char if char in _PLAIN or ord(char) > 0xFF else f"#{ord(char)};" for char in shown(text)
    )
