"""The second half of a layered layout: where everything stands, for characters as for pixels.

A scope is laid out by itself and then is the inside of a box of the scope around it. The work is
done for links that run down; for links that run to the right, width and height change places.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from dagnats.drawing.channels import Net, corners, tracks
from dagnats.drawing.layering import Item, Layers, arrange
from dagnats.drawing.model import Link, Scope, Vertex
from dagnats.drawing.spacing import spaced

Direction = Literal["TB", "LR"]
Point = tuple[int, int]

SWEEPS = 14
"""How often places are bettered, down and up."""

_PLAIN, _BENT, _LONG = 1.0, 2.0, 8.0
"""How much a link wants to be straight: between vertices, at the end of a long one, inside."""


class Metrics(Struct, frozen=True):
    """Sizes, in characters or in pixels; `size` and `label` are of a box's own text and a label's.

    `gap` lies between boxes side by side, `lane` between links, `track` between bends; `stem`
    before the first bend, `head` behind the last one, `shortest` is the least between two layers;
    `corner` is how far from the corners of a box links stay.
    A body stands `inset` from the sides of its box and above its lower end, and has a frame with
    `frame` around it: left and right, above, below.
    """

    size: Callable[[Vertex], Point]
    label: Callable[[str], Point]
    gap: int
    lane: int
    track: int
    stem: int
    head: int
    shortest: int
    corner: int
    inset: Point
    frame: tuple[int, int, int]


class Box(Struct, frozen=True):
    """A vertex and its place."""

    vertex: Vertex
    x: int
    y: int
    width: int
    height: int
    bodies: "tuple[Picture, ...]" = ()


class Route(Struct, frozen=True):
    """A link and its corners, from the end of its source to the begin of its target."""

    link: Link
    points: tuple[Point, ...]


class Label(Struct, frozen=True):
    """The text of a link and its place."""

    link: Link
    x: int
    y: int
    width: int
    height: int


class Picture(Struct, frozen=True):
    """A scope and its place, `is_framed` if it is one of several or has a title."""

    scope: Scope
    width: int
    height: int
    boxes: tuple[Box, ...] = ()
    routes: tuple[Route, ...] = ()
    labels: tuple[Label, ...] = ()
    x: int = 0
    y: int = 0
    is_framed: bool = False


def lay_out(scope: Scope, metrics: Metrics, direction: Direction) -> Picture:
    """Return where everything of a scope and its bodies stands."""
    boxes = [_box(vertex, metrics, direction) for vertex in scope.vertices]
    picture = _Layout(scope, boxes, metrics, direction).picture()
    moved = tuple(
        replace(box, bodies=tuple(_moved(body, box.x, box.y) for body in box.bodies))
        for box in picture.boxes
    )
    return replace(picture, boxes=moved)


def _box(vertex: Vertex, metrics: Metrics, direction: Direction) -> Box:
    """Return a box at no place yet, its bodies side by side, or below each other, in it."""
    width, height = metrics.size(vertex)
    if not vertex.scopes:
        return Box(vertex, 0, 0, width, height)
    side, below = metrics.inset
    framed = len(vertex.scopes) > 1 or any(scope.title for scope in vertex.scopes)
    x, y, bodies = side, height, []
    right = bottom = 0
    for scope in vertex.scopes:
        body = lay_out(scope, metrics, direction)
        if framed:
            body = _framed(body, metrics)
        bodies.append(_moved(body, x, y))
        right, bottom = max(right, x + body.width), max(bottom, y + body.height)
        if direction == "TB":
            x += body.width + metrics.lane
        else:
            y += body.height + metrics.lane // 2
    return Box(vertex, 0, 0, max(width, right + side), bottom + below, tuple(bodies))


def _framed(body: Picture, metrics: Metrics) -> Picture:
    side, above, below = metrics.frame
    inside = _moved(body, side, above)
    width = max(body.width, metrics.label(body.scope.title)[0] + side) + 2 * side
    height = body.height + above + below
    return replace(inside, x=0, y=0, width=width, height=height, is_framed=True)


def _moved(picture: Picture, x: int, y: int) -> Picture:
    return replace(
        picture,
        x=picture.x + x,
        y=picture.y + y,
        boxes=tuple(
            replace(
                box,
                x=box.x + x,
                y=box.y + y,
                bodies=tuple(_moved(body, x, y) for body in box.bodies),
            )
            for box in picture.boxes
        ),
        routes=tuple(
            replace(route, points=tuple((a + x, b + y) for a, b in route.points))
            for route in picture.routes
        ),
        labels=tuple(replace(label, x=label.x + x, y=label.y + y) for label in picture.labels),
    )


class _Place(Struct, eq=False):
    """The extent of an item: across the links, and along them."""

    item: Item
    across: int
    along: int
    center: int = 0
    start: int = 0
    end: int = 0

    @property
    def left(self) -> int:
        return self.center - self.across // 2


class _Segment(Struct, eq=False):
    """The part of a link between two layers: where it leaves, bends and arrives."""

    link: int
    upper: _Place
    lower: _Place
    out: int = 0
    into: int = 0
    track: int = 0


class _Layout:
    """Lays out one scope whose boxes have their sizes."""

    layers: Layers
    places: dict[int, _Place]
    paths: list[list[_Segment]]

    def __init__(
        self, scope: Scope, boxes: list[Box], metrics: Metrics, direction: Direction
    ) -> None:
        self.scope = scope
        self.boxes = boxes
        self.metrics = metrics
        self.direction = direction

    def picture(self) -> Picture:
        self.layers = arrange(self.scope)
        self.places = {id(item): self._measured(item) for row in self.layers.rows for item in row}
        self._spread()
        self.paths = [
            [
                _Segment(at, self.places[id(upper)], self.places[id(lower)])
                for upper, lower in pairwise(path)
            ]
            for at, path in enumerate(self.layers.of_link)
        ]
        self._leave()
        self._arrive()
        self._stack()
        return self._drawn()

    def _measured(self, item: Item) -> _Place:
        if item.vertex is not None:
            box = self._roomy(item, self.boxes[item.vertex])
            self.boxes[item.vertex] = box
            return _Place(item, *self._turned((box.width, box.height)))
        if item.is_label and item.link is not None:
            size = self._turned(self.metrics.label(self.scope.links[item.link].label))
            return _Place(item, *size)
        return _Place(item, 1, 0)

    def _roomy(self, item: Item, box: Box) -> Box:
        """Return a box with room for a port for each link that arrives."""
        metrics = self.metrics
        needed = 2 * metrics.corner + 1 + max(len(item.above) - 1, 0) * metrics.lane
        if self.direction == "TB":
            return replace(box, width=max(box.width, needed))
        return replace(box, height=max(box.height, needed))

    def _turned(self, pair: Point) -> Point:
        return pair if self.direction == "TB" else (pair[1], pair[0])

    def _row(self, row: list[Item]) -> list[_Place]:
        return [self.places[id(item)] for item in row]

    def _spread(self) -> None:
        """Find the places across: under the mean of what is above, then over what is below."""
        rows = [self._row(row) for row in self.layers.rows]
        gaps = [self._gaps(row) for row in rows]
        for row, apart in zip(rows, gaps, strict=True):
            self._settle(row, apart, [0.0] * len(row), [1.0] * len(row))
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            order = range(len(rows)) if down else reversed(range(len(rows)))
            for at in order:
                last = sweep >= SWEEPS - 8
                self._follow(rows[at], gaps[at], up=down or last, below=not down or last)
        leftmost = min((place.left for row in rows for place in row), default=0)
        for row in rows:
            for place in row:
                place.center -= leftmost

    def _gaps(self, row: list[_Place]) -> list[int]:
        gaps = [0]
        for left, right in pairwise(row):
            between = self.metrics.gap
            if left.item.vertex is None or right.item.vertex is None:
                between = self.metrics.lane
            gaps.append(left.across - left.across // 2 + between + right.across // 2)
        return gaps

    def _follow(self, row: list[_Place], gaps: list[int], *, up: bool, below: bool) -> None:
        wanted: list[float] = []
        weights: list[float] = []
        for place in row:
            near = [*(place.item.above if up else ()), *(place.item.below if below else ())]
            if place.item.vertex is None:
                # A long link is straight first of all.
                near = [other for other in near if other.vertex is None] or near
            pulls = [_pull(place.item, other) for other in near]
            if not near:
                wanted.append(place.center)
                weights.append(_PLAIN / 10)
                continue
            centers = [self.places[id(other)].center for other in near]
            strength = sum(pulls)
            wanted.append(sum(c * w for c, w in zip(centers, pulls, strict=True)) / strength)
            weights.append(strength)
        self._settle(row, gaps, wanted, weights)

    def _settle(
        self, row: list[_Place], gaps: list[int], wanted: list[float], weights: list[float]
    ) -> None:
        for place, center in zip(row, spaced(wanted, gaps, weights), strict=True):
            place.center = center

    def _leave(self) -> None:
        """Give each kind of link that leaves a vertex a port at its end."""
        ports: dict[tuple[int, str], list[_Segment]] = {}
        for path in self.paths:
            for segment in path:
                kind = self.scope.links[segment.link].kind
                ports.setdefault((id(segment.upper), kind), []).append(segment)
        by_place: dict[int, list[list[_Segment]]] = {}
        for (owner, _), group in ports.items():
            by_place.setdefault(owner, []).append(group)
        for groups in by_place.values():
            place = groups[0][0].upper
            groups.sort(key=lambda group: sum(s.lower.center for s in group) / len(group))
            middle = (len(groups) - 1) / 2
            lane = self._lane(place, len(groups))
            for number, group in enumerate(groups):
                for segment in group:
                    segment.out = place.center + round((number - middle) * lane)

    def _lane(self, place: _Place, count: int) -> int:
        """Return how far apart so many ports can be."""
        room = place.across - 1 - 2 * self.metrics.corner if place.item.vertex is not None else 0
        return min(self.metrics.lane, max(room, 0) // max(count - 1, 1))

    def _arrive(self) -> None:
        """Give each link that arrives a port of its own, straight below where it comes from."""
        arriving: dict[int, list[_Segment]] = {}
        for path in self.paths:
            for segment in path:
                arriving.setdefault(id(segment.lower), []).append(segment)
        for segments in arriving.values():
            place = segments[0].lower
            if place.item.vertex is None:
                segments[0].into = place.center
                continue
            segments.sort(key=lambda segment: (segment.out, segment.link))
            lane = self._lane(place, len(segments))
            corner = self.metrics.corner
            limits = place.left + corner, place.left + place.across - 1 - corner
            wanted = [float(segment.out) for segment in segments]
            if len(segments) == 1 and not limits[0] <= segments[0].out <= limits[1]:
                wanted = [float(place.center)]
            gaps = [lane] * len(segments)
            for segment, at in zip(segments, spaced(wanted, gaps, limits=limits), strict=True):
                segment.into = at

    def _stack(self) -> None:
        """Find the places along: layer by layer, with room for the bends between them."""
        metrics, at = self.metrics, 0
        between: list[dict[tuple[int, int], list[_Segment]]] = [{} for _ in self.layers.rows]
        for path in self.paths:
            for segment in path:
                key = (id(segment.upper), segment.out)
                between[segment.upper.item.layer].setdefault(key, []).append(segment)
        for row, nets in zip(map(self._row, self.layers.rows), between, strict=True):
            height = max(place.along for place in row)
            for place in row:
                place.start = at
                is_passed = place.item.vertex is None and not place.item.is_label
                place.end = at + (height if is_passed else place.along)
            at += height
            groups = list(nets.values())
            found = tracks(
                [Net(g[0].out, tuple(sorted({s.into for s in g}))) for g in groups], metrics.lane
            )
            used = max((track + 1 for track in found if track is not None), default=0)
            for group, track in zip(groups, found, strict=True):
                for segment in group:
                    segment.track = at + metrics.stem + (track or 0) * metrics.track
            bends = metrics.stem + used * metrics.track + metrics.head
            at += max(bends, metrics.shortest) if used else metrics.shortest

    def _drawn(self) -> Picture:
        boxes = []
        for item, box in zip(self.layers.of_vertex, self.boxes, strict=True):
            place = self.places[id(item)]
            x, y = self._turned((place.left, place.start))
            boxes.append(replace(box, x=x, y=y))
        routes = tuple(
            Route(self.scope.links[at], tuple(self._turned(point) for point in _points(path)))
            for at, path in enumerate(self.paths)
        )
        labels = [self._label(item) for row in self.layers.rows for item in row if item.is_label]
        ends = [(box.x + box.width, box.y + box.height) for box in boxes]
        ends += [(label.x + label.width, label.y + label.height) for label in labels]
        ends += [(x + 1, y + 1) for route in routes for x, y in route.points]
        width = max((x for x, _ in ends), default=0)
        height = max((y for _, y in ends), default=0)
        return Picture(self.scope, width, height, tuple(boxes), routes, tuple(labels))

    def _label(self, item: Item) -> Label:
        place = self.places[id(item)]
        assert item.link is not None
        x, y = self._turned((place.left, place.start))
        width, height = self._turned((place.across, place.along))
        return Label(self.scope.links[item.link], x, y, width, height)


def _pull(one: Item, other: Item) -> float:
    if one.vertex is None and other.vertex is None:
        return _LONG
    return _PLAIN if one.vertex is not None and other.vertex is not None else _BENT


def _points(path: list[_Segment]) -> tuple[Point, ...]:
    points: list[Point] = []
    for segment in path:
        points += [
            (segment.out, segment.upper.end),
            (segment.out, segment.track),
            (segment.into, segment.track),
            (segment.into, segment.lower.start),
        ]
    return corners(points)
