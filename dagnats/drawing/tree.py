"""A drawing as an indented list: for narrow terminals, for files, and for those who listen.

hello
├─ fetch: task http.get
└─ store: task db.write  ← fetch (or skipped)
"""

from msgspec import Struct

from dagnats.drawing.characters import shown
from dagnats.drawing.model import Link, Scope, Vertex

_BRANCHES = ("├─ ", "└─ ", "│  ", "   ")
_ASCII_BRANCHES = ("|- ", "`- ", "|  ", "   ")


def render_tree(scope: Scope, *, ascii_only: bool = False) -> str:
    """Return a scope line by line; `ascii_only` writes every other character as an escape."""
    writer = _Writer(
        _ASCII_BRANCHES if ascii_only else _BRANCHES,
        "<-" if ascii_only else "←",
        [shown(scope.title)],
    )
    writer.scope(scope, "")
    text = "\n".join(writer.lines) + "\n"
    return text.encode("ascii", "backslashreplace").decode() if ascii_only else text


class _Writer(Struct, frozen=True):
    branches: tuple[str, str, str, str]
    arrow: str
    lines: list[str]

    def scope(self, scope: Scope, indent: str) -> None:
        for at, vertex in enumerate(scope.vertices):
            into = [link for link in scope.links if link.target == at]
            sources = ", ".join(_source(link, scope.vertices[link.source]) for link in into)
            text = shown(_words(vertex) + (f"  {self.arrow} {sources}" if sources else ""))
            below = self._branch(text, indent, is_last=at == len(scope.vertices) - 1)
            self._bodies(vertex, below)

    def _bodies(self, vertex: Vertex, indent: str) -> None:
        for at, body in enumerate(vertex.scopes):
            inside = indent
            if body.title:
                last = at == len(vertex.scopes) - 1
                inside = self._branch(shown(body.title), indent, is_last=last)
            self.scope(body, inside)

    def _branch(self, text: str, indent: str, *, is_last: bool) -> str:
        """Write a line and return the indentation of what is below it."""
        branch, end, through, blank = self.branches
        self.lines.append(f"{indent}{end if is_last else branch}{text}")
        return indent + (blank if is_last else through)


def _words(vertex: Vertex) -> str:
    mark = "* " if vertex.critical else ""
    notes = "; ".join(vertex.notes)
    name = f"trigger {vertex.title}" if vertex.kind == "trigger" else vertex.title
    return f"{mark}{name}: {notes}" if notes else f"{mark}{name}"


def _source(link: Link, source: Vertex) -> str:
    """Return how a link is told at its target."""
    match link.kind:
        case "on_failure":
            return f"failure of {source.title}"
        case "compensate":
            return f"undoes {source.title}"
        case "starts":
            return f"trigger {source.title}" if source.kind == "trigger" else source.title
        case _:
            return f"{source.title} ({link.label})" if link.label else source.title
