"""No text and no place in it makes a question fail."""

import functools
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.lsp import actions, colours, names, outlining, showing
from dagnats.lsp.analysis import Analyst
from dagnats.lsp.completion import Completer
from dagnats.lsp.hover import hover, signature_help
from dagnats.lsp.positions import Lines
from tests.lsp.samples import with_step

pytestmark = pytest.mark.slow

WHOLE = with_step(
    "task: shop.price",
    "depends_on: [first]",
    "when: steps.first.output.ok && input.items.exists(x, x.name.startsWith('😀'))",
    'with: {a: "é😀 ${{ input.order.?note.orValue(\\"x\\") }}", b: &b [1, "${{ vars.limit }}"]}',
)
PIECES = [
    "|",
    "{",
    "}",
    "[",
    "]",
    "${{",
    "}}",
    "'",
    '"',
    ":",
    " ",
    "\n",
    "\r\n",
    ".",
    "&a",
    "*a",
    "- ",
    "steps.",
    "<<",
    "😀",
    "\ud800",
    "\u2028",
    "\t",
    "#",
    "?",
    "a",
]


def texts() -> Iterator[str]:
    """The document cut off, with a line taken out, and with a line repeated."""
    lines = WHOLE.split("\n")
    for number in range(0, len(lines), 3):
        yield "\n".join(lines[:number])
        yield "\n".join(lines[:number] + lines[number + 1 :])
        yield "\n".join(lines[: number + 1] + lines[number:])


def everything(text: str, offset: int) -> None:
    """Ask all that can be asked."""
    analyst = Analyst()
    analysis = analyst.whole(text, "demo.yaml")
    lines = Lines(text)
    ranged = functools.partial(showing.ranged, lines)
    Completer(text, "demo.yaml", lines, analyst, None).at(offset)
    signature_help(text, "demo.yaml", offset, analyst, None)
    hover(analysis, offset)
    found = names.mentions(analysis)
    one = names.mention_at(found, offset)
    if one is not None and one.kind in names.RENAMED:
        assert text[one.start : one.end] == one.name
        names.renamed(analysis, one, "other")
    outlining.symbols(analysis, ranged)
    outlining.folds(analysis, lines)
    outlining.selections(analysis, offset, ranged)
    colours.semantic_tokens(analysis, lines)
    pages = showing.Pages()
    for finding in analysis.findings:
        showing.shown(finding, "file:///d", "/d", lines, analysis.document, pages)
    assert list(actions.touching(analysis, 0, len(text))) is not None


@pytest.mark.parametrize("text", list(texts()))
def test_a_document_in_pieces(text: str) -> None:
    for offset in {0, len(text) // 3, len(text) // 2, max(len(text) - 1, 0), len(text)}:
        everything(text, offset)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_document_with_something_put_in(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WHOLE)))
    piece = "".join(data.draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)))
    gone = data.draw(st.integers(0, 12))
    everything(WHOLE[:at] + piece + WHOLE[at + gone :], at + len(piece))
