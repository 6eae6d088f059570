"""A drawing in characters, for terminals.

┌───────────┐
│ fetch     │
│ task get  │
└─────┬─────┘
      ▼
"""

from itertools import groupby, pairwise

from msgspec import Struct, field

from dagnats.drawing.characters import columns_of, shown, width_of
from dagnats.drawing.layout import Box, Direction, Metrics, Picture, Route, lay_out
from dagnats.drawing.model import CONTAINERS, ENTRIES, WORK, Scope, Vertex

_NORTH, _EAST, _SOUTH, _WEST = 1, 2, 4, 8
_LINES = " ╵╶╰╷│╭├╴╯─┴╮┤┬┼"
_BROKEN = {"│": "╎", "─": "╌"}
_DOTTED = {"│": "┆", "─": "┄"}
_ARROWS = {"TB": "▼", "LR": "►"}

_SQUARE = "┌─┐│└┘"
_ROUND = "╭─╮│╰╯"
_DOUBLE = "╔═╗║╚╝"
_DASHED = "┌╌┐╎└┘"
_LEAVES = {"─": "┬", "═": "╤", "│": "├", "║": "╟"}

BOLD, DIM, CYAN, YELLOW, MAGENTA = "1", "2", "36", "33", "35"
"""Colours, as a terminal numbers them."""


def metrics_of(direction: Direction) -> Metrics:
    """Return the sizes of things in characters."""
    down = direction == "TB"
    return Metrics(
        size=_size,
        label=lambda text: (width_of(text) + 2, 1),
        gap=3 if down else 1,
        lane=2 if down else 1,
        track=1 if down else 2,
        stem=0 if down else 1,
        head=1 if down else 2,
        shortest=2 if down else 3,
        corner=1,
        inset=(2, 1),
        frame=(2, 1, 1),
    )


def _size(vertex: Vertex) -> tuple[int, int]:
    lines = lines_of(vertex)
    return max(map(width_of, lines)) + 4, len(lines) + 2


def lines_of(vertex: Vertex) -> list[str]:
    """Return what stands in a box."""
    mark = "▶ " if vertex.kind == "trigger" else "★ " if vertex.critical else ""
    return [mark + shown(vertex.title), *map(shown, vertex.notes)]


def render_text(scope: Scope, direction: Direction, *, colour: bool = False) -> tuple[str, int]:
    """Return the drawing, and how many columns it takes."""
    picture = lay_out(scope, metrics_of(direction), direction)
    canvas = _Canvas(direction)
    canvas.picture(picture)
    return canvas.text(colour=colour), picture.width


class _Canvas(Struct):
    direction: Direction
    cells: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def picture(self, picture: Picture) -> None:
        """Draw the inside of a scope."""
        if picture.is_framed:
            self._frame(picture, _DASHED, DIM)
            self._write(picture.x + 2, picture.y, f" {shown(picture.scope.title)} ", DIM)
        for box in picture.boxes:
            self._box(box)
        self._routes(picture.routes)
        for label in picture.labels:
            self._write(label.x, label.y, f" {shown(label.link.label)} ", YELLOW)

    def text(self, *, colour: bool) -> str:
        height = max((y for _, y in self.cells), default=-1) + 1
        rows: list[list[tuple[str, str]]] = [[] for _ in range(height)]
        for (x, y), cell in sorted(self.cells.items(), key=lambda item: item[0]):
            row = rows[y]
            row += [(" ", "")] * (x - len(row))
            row.append(cell)
        return "\n".join(_line(row, colour=colour) for row in rows) + "\n"

    def _box(self, box: Box) -> None:
        kind = box.vertex.kind
        form = _DOUBLE if kind in CONTAINERS else _SQUARE if kind in WORK else _ROUND
        paint = MAGENTA if box.vertex.critical else CYAN if kind in ENTRIES else ""
        self._frame(box, form, paint)
        for number, line in enumerate(lines_of(box.vertex)):
            style = DIM if number else BOLD
            self._write(box.x + 2, box.y + 1 + number, line, style)
        for body in box.bodies:
            self.picture(body)

    def _frame(self, around: Box | Picture, form: str, paint: str) -> None:
        x, y, width, height = around.x, around.y, around.width, around.height
        right, bottom = x + width - 1, y + height - 1
        for column in range(x + 1, right):
            self.cells[column, y] = (form[1], paint)
            self.cells[column, bottom] = (form[1], paint)
        for row in range(y + 1, bottom):
            self.cells[x, row] = (form[3], paint)
            self.cells[right, row] = (form[3], paint)
        for (column, row), char in zip(
            ((x, y), (right, y), (x, bottom), (right, bottom)),
            (form[0], form[2], form[4], form[5]),
            strict=True,
        ):
            self.cells[column, row] = (char, paint)

    def _write(self, x: int, y: int, text: str, style: str) -> None:
        for char in text:
            columns = columns_of(char)
            if columns == 0:
                before, painted = self.cells.get((x - 1, y), (" ", style))
                self.cells[x - 1, y] = (before + char, painted)
                continue
            self.cells[x, y] = (char, style)
            if columns == 2:
                self.cells[x + 1, y] = ("", style)
            x += columns

    def _routes(self, routes: tuple[Route, ...]) -> None:
        masks: dict[tuple[int, int], int] = {}
        broken: dict[tuple[int, int], dict[str, str]] = {}
        paints: dict[tuple[int, int], str] = {}
        for route in sorted(routes, key=lambda route: route.link.critical):
            kind = route.link.kind
            look = _DOTTED if kind in {"then", "starts"} else {} if kind == "needs" else _BROKEN
            paint = MAGENTA if route.link.critical else DIM
            cells = _cells(route)
            masks[cells[0]] = masks.get(cells[0], 0) | (_NORTH if self.direction == "TB" else _WEST)
            for one, other in pairwise(cells):
                masks[one] = masks.get(one, 0) | _side(one, other)
                masks[other] = masks.get(other, 0) | _side(other, one)
            for cell in cells:
                broken[cell] = look if broken.get(cell, look) == look else {}
                paints[cell] = paint
        for cell, mask in masks.items():
            char = _LINES[mask]
            self.cells[cell] = (broken[cell].get(char, char), paints[cell])
        for route in routes:
            self._ends(route)

    def _ends(self, route: Route) -> None:
        paint = MAGENTA if route.link.critical else DIM
        (x, y), (to_x, to_y) = route.points[0], route.points[-1]
        down = self.direction == "TB"
        border = (x, y - 1) if down else (x - 1, y)
        char, painted = self.cells.get(border, (" ", ""))
        self.cells[border] = (_LEAVES.get(char, char), painted)
        arrow = (to_x, to_y - 1) if down else (to_x - 1, to_y)
        self.cells[arrow] = (_ARROWS[self.direction], paint)


def _cells(route: Route) -> list[tuple[int, int]]:
    """Return the cells of a line, in order; it ends in the cell before its target."""
    cells = [route.points[0]]
    for to_x, to_y in route.points[1:]:
        x, y = cells[-1]
        while (x, y) != (to_x, to_y):
            x += (to_x > x) - (to_x < x)
            y += (to_y > y) - (to_y < y)
            cells.append((x, y))
    return cells[:-1]


def _side(one: tuple[int, int], other: tuple[int, int]) -> int:
    if one[0] == other[0]:
        return _SOUTH if other[1] > one[1] else _NORTH
    return _EAST if other[0] > one[0] else _WEST


def _line(row: list[tuple[str, str]], *, colour: bool) -> str:
    if not colour:
        return "".join(char for char, _ in row).rstrip()
    while row and row[-1][0] == " ":
        row.pop()
    parts = []
    for style, cells in groupby(row, key=lambda cell: cell[1]):
        text = "".join(char for char, _ in cells)
        parts.append(f"\x1b[{style}m{text}\x1b[0m" if style and text.strip() else text)
    return "".join(parts)
