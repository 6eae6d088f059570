"""A drawing as data, for other programs; `docs/graphs.md` says what is in it."""

from typing import Any

from dagnats.drawing.model import Scope, Vertex

VERSION = 1


def to_document(scope: Scope) -> dict[str, Any]:
    """Return a drawing as JSON."""
    return {"version": VERSION, "name": scope.title, **_inside(scope)}


def _inside(scope: Scope) -> dict[str, Any]:
    return {
        "nodes": [_node(vertex) for vertex in scope.vertices],
        "edges": [
            {
                "from": scope.vertices[link.source].id,
                "to": scope.vertices[link.target].id,
                "kind": link.kind,
                "label": link.label,
                "critical": link.critical,
            }
            for link in scope.links
        ],
    }


def _node(vertex: Vertex) -> dict[str, Any]:
    node: dict[str, Any] = {
        "id": vertex.id,
        "kind": vertex.kind,
        "title": vertex.title,
        "notes": list(vertex.notes),
        "critical": vertex.critical,
    }
    if vertex.scopes:
        node["bodies"] = [{"title": body.title, **_inside(body)} for body in vertex.scopes]
    return node
