"""Whatever programs there are: they can be drawn and compared, and only a difference is one."""

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from dagnats.comparison.compare import compare
from dagnats.comparison.document import to_document as compared
from dagnats.comparison.report import render
from dagnats.drawing.build import draw
from dagnats.drawing.document import to_document
from dagnats.drawing.dot import render_dot
from dagnats.drawing.mermaid import render_mermaid
from dagnats.drawing.names import vertices_of
from dagnats.drawing.svg import render_svg
from dagnats.drawing.text import render_text
from dagnats.drawing.tree import render_tree
from dagnats.ir.codec import encode, load
from dagnats.ir.program import Program
from tests.ir.generated import programs

pytestmark = pytest.mark.slow


@settings(max_examples=60, deadline=None)
@given(programs())
def test_any_program_is_drawn_whole(program: Program) -> None:
    scope = draw(program, critical=True)
    steps = {vertex.id for vertex in vertices_of(scope) if ":" not in vertex.id}
    assert steps == {node.id for node in program.nodes}
    for drawn in (
        render_text(scope, "TB")[0],
        render_text(scope, "LR")[0],
        render_tree(scope),
        render_mermaid(scope, "TB"),
        render_dot(scope, "TB"),
        render_svg(scope, "LR"),
    ):
        assert all(node.id in drawn for node in program.nodes)
    assert to_document(scope)["name"] == program.name


@settings(max_examples=60, deadline=None)
@given(programs(), programs())
def test_any_two_programs_are_compared(one: Program, other: Program) -> None:
    found = compare(one, other)
    assert render(found, lambda text, _: text).endswith("\n")
    assert compared(found)["version"] == 1
    bare = [replace(each, source_map=None) for each in (one, other)]
    if encode(bare[0]) == encode(bare[1]):
        assert found.is_identical


@settings(max_examples=60, deadline=None)
@given(programs())
def test_a_program_is_the_same_after_its_serialised_form(program: Program) -> None:
    assert compare(program, load(encode(program))).is_identical
