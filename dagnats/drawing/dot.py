r"""A drawing in DOT, the language of Graphviz.

digraph "hello" {
  n1 [label="fetch\ltask http.get\l"];
  n1 -> n2;
}
"""

from dagnats.drawing.characters import shown
from dagnats.drawing.layout import Direction
from dagnats.drawing.model import Link, Scope, Vertex
from dagnats.drawing.names import numbered

_SHAPES = {
    "agent": "component",
    "agent_loop": "component",
    "approval": "hexagon",
    "continue_as_new": "cds",
    "emit": "note",
    "fail": "octagon",
    "planner": "component",
    "respond": "cds",
    "sleep": "hexagon",
    "start": "circle",
    "sub_workflow": "folder",
    "transform": "parallelogram",
    "trigger": "ellipse",
    "wait_for_event": "hexagon",
}
_STYLES = {"starts": "dotted", "on_failure": "dashed", "compensate": "dashed", "then": "bold"}
_CRITICAL = ('color="#c2410c"', "penwidth=2")


def render_dot(scope: Scope, direction: Direction) -> str:
    """Return the text of a graph; the same drawing always gives the same bytes."""
    writer = _Writer(scope)
    writer.lines += [
        f"digraph {_quoted(scope.title)} {{",
        f'  graph [rankdir={direction}, compound=true, fontname="sans-serif"];',
        '  node [shape=box, fontname="sans-serif", fontsize=11];',
        '  edge [fontname="sans-serif", fontsize=10];',
    ]
    writer.scope(scope, "  ")
    writer.lines.append("}")
    return "\n".join(writer.lines) + "\n"


class _Writer:
    def __init__(self, scope: Scope) -> None:
        self._names = numbered(scope)
        self.lines: list[str] = []

    def scope(self, scope: Scope, indent: str) -> None:
        """Write what is inside of a scope: its vertices, then its links."""
        for vertex in scope.vertices:
            if vertex.scopes:
                self._cluster(vertex, indent)
            else:
                traits = [f"label={_label(vertex)}"]
                if vertex.kind in _SHAPES:
                    traits.append(f"shape={_SHAPES[vertex.kind]}")
                traits += _CRITICAL if vertex.critical else ()
                self.lines.append(f"{indent}{self._names[vertex.id]} [{', '.join(traits)}];")
        for link in scope.links:
            self._link(scope, link, indent)

    def _cluster(self, vertex: Vertex, indent: str) -> None:
        """Write a box around bodies, and a point in it for links to end at."""
        name = self._names[vertex.id]
        self.lines.append(f"{indent}subgraph cluster_{name} {{")
        self.lines.append(f"{indent}  label={_label(vertex)}; labeljust=l; style=rounded;")
        if vertex.critical:
            self.lines.append(f"{indent}  {'; '.join(_CRITICAL)};")
        self.lines.append(f'{indent}  {name} [shape=point, width=0.05, label=""];')
        for number, body in enumerate(vertex.scopes, 1):
            if body.title:
                self.lines.append(f"{indent}  subgraph cluster_{name}_{number} {{")
                self.lines.append(f"{indent}    label={_quoted(body.title)}; style=dashed;")
                self.scope(body, f"{indent}    ")
                self.lines.append(f"{indent}  }}")
            else:
                self.scope(body, f"{indent}  ")
        self.lines.append(f"{indent}}}")

    def _link(self, scope: Scope, link: Link, indent: str) -> None:
        source, target = scope.vertices[link.source], scope.vertices[link.target]
        traits = []
        if link.label:
            traits.append(f"label={_quoted(link.label)}")
        if link.kind in _STYLES:
            traits.append(f"style={_STYLES[link.kind]}")
        if source.scopes:
            traits.append(f"ltail=cluster_{self._names[source.id]}")
        if target.scopes:
            traits.append(f"lhead=cluster_{self._names[target.id]}")
        traits += _CRITICAL if link.critical else ()
        shown_traits = f" [{', '.join(traits)}]" if traits else ""
        ends = f"{self._names[source.id]} -> {self._names[target.id]}"
        self.lines.append(f"{indent}{ends}{shown_traits};")


def _label(vertex: Vertex) -> str:
    """Return title and notes as lines set to the left."""
    lines = [vertex.title, *vertex.notes]
    if len(lines) == 1:
        return _quoted(lines[0])
    left = "".join([_escaped(line) + "\\l" for line in lines])
    return f'"{left}"'


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Return a text for a string of DOT; a `&` would begin an entity."""
    return shown(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
