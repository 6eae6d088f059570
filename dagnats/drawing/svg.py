"""A drawing as SVG, made without other programs: the same drawing gives the same bytes.

Colours are variables, so that a page may set its own; without, they follow the reader's light or
dark theme. Widths of texts are estimates: no font is asked.
"""

from xml.sax.saxutils import escape

from msgspec import Struct, field

from dagnats.drawing.characters import shown, width_of
from dagnats.drawing.layout import Box, Direction, Label, Metrics, Picture, Point, Route, lay_out
from dagnats.drawing.model import CONTAINERS, ENDS, ENTRIES, WAITS, Link, Scope, Vertex
from dagnats.drawing.names import vertices_of

PREFIX = "dagnats-"
"""What the ids in a drawing begin with, and the variables that a page may set."""

MARGIN = 16
CHAR, LINE, PAD = 7.3, 17, 12
"""Pixels: of a character, of a line, and between a text and its box."""

_ICON = 24
_RADIUS = 8

_LIGHT = {
    "ink": "#1f2937", "soft": "#6b7280", "paper": "#ffffff", "box": "#f8fafc", "edge": "#94a3b8",
    "work": "#2563eb", "wait": "#b45309", "group": "#7c3aed", "end": "#be123c", "plain": "#0f766e",
    "hot": "#c2410c",
}  # fmt: skip
_DARK = {
    "ink": "#e5e7eb", "soft": "#9ca3af", "paper": "#0f172a", "box": "#1e293b", "edge": "#64748b",
    "work": "#60a5fa", "wait": "#fbbf24", "group": "#a78bfa", "end": "#fb7185", "plain": "#2dd4bf",
    "hot": "#fb923c",
}  # fmt: skip
_RULES = {
    "text": "font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: var(--ink)",
    ".title": "font-weight: 600",
    ".note": "fill: var(--soft)",
    ".box": "fill: var(--box); stroke-width: 1.5",
    ".group": "fill: none; stroke-width: 1.5",
    ".case": "fill: none; stroke: var(--edge); stroke-dasharray: 4 3",
    ".icon": "fill: none; stroke-width: 1.6; stroke-linecap: round; stroke-linejoin: round",
    ".link": "fill: none; stroke: var(--edge); stroke-width: 1.5",
    ".broken": "stroke-dasharray: 6 4",
    ".dotted": "stroke-dasharray: 2 4",
    ".hot": "stroke: var(--hot); stroke-width: 2.5",
    ".head": "fill: var(--edge)",
    ".hothead": "fill: var(--hot)",
    ".paper": "fill: var(--paper)",
}
"""All of it for our own elements only: a drawing may stand in the page of somebody else."""

_ICONS = {
    "agent": "M3 6h10v7H3z M8 6V3 M6 9v1 M10 9v1",
    "agent_loop": "M3 6h10v7H3z M8 6V3 M6 9.5h4",
    "approval": "M3 9l3.5 3.5L13 4",
    "continue_as_new": "M3 8h9 M9 5l3 3-3 3",
    "emit": "M3 8h4 M8 4l5 4-5 4z",
    "fail": "M4 4l8 8 M12 4l-8 8",
    "finally": "M4 2v12 M4 3h8l-2 3 2 3H4",
    "loop": "M13 8a5 5 0 1 1-2-4 M11 1v3H8",
    "map": "M3 3h4v4H3z M9 3h4v4H9z M3 9h4v4H3z M9 9h4v4H9z",
    "planner": "M3 4h2 M7 4h6 M3 8h2 M7 8h6 M3 12h2 M7 12h6",
    "respond": "M13 12V8H4 M7 5L4 8l3 3",
    "sleep": "M8 3a5 5 0 1 1 0 10a5 5 0 1 1 0-10 M8 5v3l2 2",
    "start": "M5 3l8 5-8 5z",
    "sub_workflow": "M2 3h5v4H2z M9 9h5v4H9z M4.5 7v4H9",
    "switch": "M3 8h3l4-4h3 M6 8l4 4h3",
    "task": "M3 3h10v10H3z M6 8h4",
    "transform": "M6 3C3 3 6 8 3 8c3 0 0 5 3 5 M10 3c3 0 0 5 3 5c-3 0 0 5-3 5",
    "trigger": "M9 1L4 9h4l-1 6 5-8H8z",
    "wait_for_event": "M4 11h8l-1-2V7a3 3 0 0 0-6 0v2z M7 13h2",
}
"""What the kinds of steps look like, in a square of 16 pixels."""


def render_svg(scope: Scope, direction: Direction) -> str:
    """Return the drawing as one SVG document."""
    picture = lay_out(scope, METRICS, direction)
    writer = _Writer()
    writer.picture(picture)
    width, height = picture.width + 2 * MARGIN, picture.height + 2 * MARGIN
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
            f' width="{width}" height="{height}" class="dagnats" role="img"',
            f' aria-labelledby="{PREFIX}title {PREFIX}desc">',
            f'<title id="{PREFIX}title">{_text(f"Workflow {scope.title}")}</title>',
            f'<desc id="{PREFIX}desc">{_text(_description(scope))}</desc>',
            "<style>",
            *_style_sheet(),
            "</style>",
            "<defs>",
            *_head("head"),
            *_head("hothead"),
            "</defs>",
            f'<rect class="paper" width="{width}" height="{height}"/>',
            f'<g transform="translate({MARGIN} {MARGIN})">',
            *writer.lines,
            "</g>",
            "</svg>",
            "",
        ]
    )


def _size(vertex: Vertex) -> Point:
    lines = [vertex.title, *vertex.notes]
    columns = max(map(width_of, lines))
    return round(columns * CHAR) + 2 * PAD + _ICON, LINE * len(lines) + PAD + 6


METRICS = Metrics(
    size=_size,
    label=lambda text: (round(width_of(text) * CHAR) + 12, 18),
    gap=28,
    lane=16,
    track=14,
    stem=14,
    head=20,
    shortest=40,
    corner=12,
    inset=(14, 14),
    frame=(12, 26, 12),
)


def _style_sheet() -> list[str]:
    light = " ".join(f"--{n}: var(--{PREFIX}{n}, {colour});" for n, colour in _LIGHT.items())
    dark = " ".join(f"--{n}: var(--{PREFIX}{n}, {colour});" for n, colour in _DARK.items())
    return [
        f".dagnats {{ {light} }}",
        f"@media (prefers-color-scheme: dark) {{ .dagnats {{ {dark} }} }}",
        *[f".dagnats {which} {{ {rule}; }}" for which, rule in _RULES.items()],
    ]


def _head(name: str) -> list[str]:
    return [
        f'<marker id="{PREFIX}{name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8"',
        ' markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">',
        f'<path class="{name}" d="M0 0L8 4L0 8z"/></marker>',
    ]


def _description(scope: Scope) -> str:
    """Return the drawing in words: what steps there are, and what follows what."""
    steps = sum(vertex.kind not in ENTRIES | {"finally"} for vertex in vertices_of(scope))
    told = [
        f"{scope.vertices[link.target].title} after {scope.vertices[link.source].title}"
        + (f" ({link.label})" if link.label else "")
        for link in scope.links
    ]
    count = f"{steps} step{'' if steps == 1 else 's'}"
    return f"{count}: {'; '.join(told)}." if told else f"{count}."


def _text(text: str) -> str:
    return escape(shown(text), {'"': "&quot;"})


def _colour(vertex: Vertex) -> str:
    kind = vertex.kind
    for name, kinds in (
        ("wait", WAITS | ENTRIES),
        ("group", CONTAINERS),
        ("end", ENDS),
        ("plain", {"transform", "emit"}),
    ):
        if kind in kinds:
            return f"var(--{name})"
    return "var(--work)"


class _Writer(Struct, frozen=True):
    lines: list[str] = field(default_factory=list)

    def picture(self, picture: Picture) -> None:
        """Write a scope: its links below its boxes, its labels on top."""
        if picture.is_framed:
            self.lines.append(
                f'<rect class="case" x="{picture.x}" y="{picture.y}" width="{picture.width}" '
                f'height="{picture.height}" rx="6"/>'
            )
            self._say(picture.x + 10, picture.y + 17, picture.scope.title, "note")
        for route in picture.routes:
            self._route(route)
        for box in picture.boxes:
            self._box(box)
        for label in picture.labels:
            self._label(label)

    def _box(self, box: Box) -> None:
        vertex = box.vertex
        colour = "var(--hot)" if vertex.critical else _colour(vertex)
        round_ = 14 if vertex.kind in WAITS | ENTRIES | ENDS else 5
        width = ' stroke-width="3"' if vertex.critical else ""
        names = f'data-step="{_text(vertex.id)}" data-kind="{vertex.kind}"'
        self.lines.append(f'<g class="step" {names}>')
        self.lines.append(f"<title>{_text(f'{vertex.title}: {vertex.kind}')}</title>")
        self.lines.append(
            f'<rect class="{"group" if box.bodies else "box"}" x="{box.x}" y="{box.y}" '
            f'width="{box.width}" height="{box.height}" rx="{round_}" stroke="{colour}"{width}/>'
        )
        icon = _ICONS[vertex.kind]
        x, y = box.x + PAD - 2, box.y + PAD // 2 + 3
        self.lines.append(
            f'<path class="icon" stroke="{colour}" transform="translate({x} {y})" d="{icon}"/>'
        )
        for number, text in enumerate([vertex.title, *vertex.notes]):
            at = box.y + PAD // 2 + 15 + number * LINE
            self._say(box.x + PAD + _ICON - 4, at, text, "note" if number else "title")
        for body in box.bodies:
            self.picture(body)
        self.lines.append("</g>")

    def _say(self, x: int, y: int, text: str, style: str) -> None:
        self.lines.append(
            f'<text class="{style}" x="{x}" y="{y}" xml:space="preserve">{_text(text)}</text>'
        )

    def _route(self, route: Route) -> None:
        style = _link_style(route.link)
        head = "hothead" if route.link.critical else "head"
        self.lines.append(
            f'<path class="{style}" marker-end="url(#{PREFIX}{head})" d="{_path(route.points)}"/>'
        )

    def _label(self, label: Label) -> None:
        self.lines.append(
            f'<rect class="paper" x="{label.x}" y="{label.y}" width="{label.width}" '
            f'height="{label.height}"/>'
        )
        self._say(label.x + 6, label.y + 13, label.link.label, "note")


def _link_style(link: Link) -> str:
    broken = {
        "on_failure": " broken",
        "compensate": " broken",
        "starts": " dotted",
        "then": " dotted",
    }
    return f"link{broken.get(link.kind, '')}{' hot' if link.critical else ''}"


def _path(points: tuple[Point, ...]) -> str:
    """Return a line with round corners."""
    parts = [f"M{points[0][0]} {points[0][1]}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_RADIUS, _length(before, corner) // 2, _length(corner, after) // 2)
        start, end = _toward(corner, before, radius), _toward(corner, after, radius)
        parts.append(f"L{start[0]} {start[1]}Q{corner[0]} {corner[1]} {end[0]} {end[1]}")
    parts.append(f"L{points[-1][0]} {points[-1][1]}")
    return "".join(parts)


def _length(one: Point, other: Point) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _toward(point: Point, other: Point, by: int) -> Point:
    x, y = point
    return (
        x + by * ((other[0] > x) - (other[0] < x)),
        y + by * ((other[1] > y) - (other[1] < y)),
    )
