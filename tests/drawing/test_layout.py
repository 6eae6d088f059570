"""The layout of any drawing: nothing overlaps, and lines lead from their source to their target."""

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest

from dagnats.drawing.characters import width_of
from dagnats.drawing.layering import arrange, crossings
from dagnats.drawing.layout import Box, Direction, Picture, Route, lay_out
from dagnats.drawing.model import Link, Scope, Vertex
from dagnats.drawing.spacing import spaced
from dagnats.drawing.svg import METRICS
from dagnats.drawing.text import metrics_of, render_text
from tests.drawing.samples import chance_scope

pytestmark = pytest.mark.slow

SEEDS = range(50)
WAYS = [("TB", "text"), ("LR", "text"), ("TB", "svg"), ("LR", "svg")]


def pictures(seed: int, direction: Direction, of: str) -> Iterator[Picture]:
    """The picture of a scope, and of all that is inside."""
    metrics = metrics_of(direction) if of == "text" else METRICS
    stack = [lay_out(chance_scope(seed), metrics, direction)]
    while stack:
        picture = stack.pop()
        yield picture
        stack += [body for box in picture.boxes for body in box.bodies]


@pytest.mark.parametrize(("direction", "of"), WAYS)
def test_boxes_stand_apart_and_inside(direction: Direction, of: str) -> None:
    for seed in SEEDS:
        for picture in pictures(seed, direction, of):
            for one, other in combinations(picture.boxes, 2):
                assert not overlap(one, other), (seed, one.vertex.id, other.vertex.id)
            for box in picture.boxes:
                assert inside(box, picture), (seed, box.vertex.id)
                for body in box.bodies:
                    assert inside(body, box), (seed, box.vertex.id)
                for one_body, other_body in combinations(box.bodies, 2):
                    assert not overlap(one_body, other_body)


@pytest.mark.parametrize(("direction", "of"), WAYS)
def test_lines_lead_from_border_to_border_around_all_boxes(direction: Direction, of: str) -> None:
    for seed in SEEDS:
        for picture in pictures(seed, direction, of):
            for route in picture.routes:
                source, target = (
                    picture.boxes[at] for at in (route.link.source, route.link.target)
                )
                (x, y), (to_x, to_y) = route.points[0], route.points[-1]
                if direction == "TB":
                    assert (y, to_y) == (source.y + source.height, target.y)
                    assert source.x < x < source.x + source.width
                    assert target.x < to_x < target.x + target.width
                else:
                    assert (x, to_x) == (source.x + source.width, target.x)
                    assert source.y < y < source.y + source.height
                    assert target.y < to_y < target.y + target.height
                for box in picture.boxes:
                    assert not crosses(route, box), (seed, route.link, box.vertex.id)


@pytest.mark.parametrize(("direction", "of"), WAYS)
def test_lines_of_two_sources_never_lie_on_each_other(direction: Direction, of: str) -> None:
    hidden = total = 0
    for seed in SEEDS:
        for picture in pictures(seed, direction, of):
            for one, other in combinations(picture.routes, 2):
                if one.link.source != other.link.source:
                    total += 1
                    hidden += shared(one, other)
    assert hidden <= total / 500, (hidden, total)


@pytest.mark.parametrize(("direction", "of"), WAYS)
def test_a_layout_is_the_same_each_time(direction: Direction, of: str) -> None:
    assert list(pictures(7, direction, of)) == list(pictures(7, direction, of))


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_a_text_drawing_shows_every_title_and_is_as_wide_as_it_says(direction: Direction) -> None:
    for seed in SEEDS:
        scope = chance_scope(seed)
        text, columns = render_text(scope, direction)
        assert max(map(width_of, text.splitlines())) <= columns
        for vertex in scope.vertices:
            assert f" {vertex.title} " in text
        arrows = "▼" if direction == "TB" else "►"
        assert text.count(arrows) >= len({link.target for link in scope.links})


def test_links_lead_down_and_long_ones_pass_every_layer() -> None:
    for seed in SEEDS:
        layers = arrange(chance_scope(seed))
        for path in layers.of_link:
            assert [item.layer for item in path] == list(range(path[0].layer, path[-1].layer + 1))


def test_the_order_of_layers_avoids_crossings() -> None:
    """Two bundles, written across each other."""
    names = [Vertex(name, "task", name) for name in "abcdef"]
    links = [Link(0, 5), Link(0, 4), Link(1, 3), Link(1, 2)]
    assert crossings(arrange(Scope("", tuple(names), tuple(links))).rows) == 0


@pytest.mark.parametrize(
    ("wanted", "gaps", "limits", "places"),
    [
        ([0, 10, 20], [0, 5, 5], None, [0, 10, 20]),
        ([0, 0, 0], [0, 4, 4], None, [-4, 0, 4]),
        ([10, 0], [0, 4], None, [3, 7]),
        ([0, 0, 50], [0, 4, 4], (0, 20), [0, 4, 20]),
        ([99, 99], [0, 4], (0, 20), [16, 20]),
        ([], [], None, []),
    ],
)
def test_places_are_near_what_is_wanted(
    wanted: list[float], gaps: list[int], limits: tuple[int, int] | None, places: list[int]
) -> None:
    assert spaced(wanted, gaps, limits=limits) == places


def overlap(one: Box | Picture, other: Box | Picture) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


def inside(one: Box | Picture, other: Box | Picture) -> bool:
    return (
        other.x <= one.x
        and other.y <= one.y
        and one.x + one.width <= other.x + other.width
        and one.y + one.height <= other.y + other.height
    )


def crosses(route: Route, box: Box) -> bool:
    """Whether a line goes through the inside of a box."""
    for (x, y), (to_x, to_y) in pairwise(route.points):
        if (
            min(x, to_x) < box.x + box.width - 1
            and max(x, to_x) > box.x
            and min(y, to_y) < box.y + box.height - 1
            and max(y, to_y) > box.y
        ):
            return True
    return False


def shared(one: Route, other: Route) -> bool:
    """Whether two lines have a piece in common, more than a point."""
    for (a, b), (c, d) in ((p, q) for p in pairwise(one.points) for q in pairwise(other.points)):
        for axis in (0, 1):
            across = 1 - axis
            if a[across] == b[across] == c[across] == d[across] and min(
                max(a[axis], b[axis]), max(c[axis], d[axis])
            ) > max(min(a[axis], b[axis]), min(c[axis], d[axis])):
                return True
    return False
