"""Short names for the vertices of a drawing, where a language allows letters and digits only."""

from collections.abc import Iterator, Mapping

from dagnats.drawing.model import Scope, Vertex


def vertices_of(scope: Scope) -> Iterator[Vertex]:
    """Yield all vertices, each before those inside of it."""
    for vertex in scope.vertices:
        yield vertex
        for body in vertex.scopes:
            yield from vertices_of(body)


def numbered(scope: Scope) -> Mapping[str, str]:
    """Return `n1`, `n2`, … by the ids of the vertices, in the order of the document."""
    return {vertex.id: f"n{number}" for number, vertex in enumerate(vertices_of(scope), 1)}
