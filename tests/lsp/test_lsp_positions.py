"""Offsets and the places of an editor, in each of the encodings of the protocol."""

import pytest

from dagnats.lsp.positions import UTF_8, UTF_16, UTF_32, Lines

TEXT = "a😀b\r\né\rc\n\u2028d\x0be"
"""Code points: a 😀 b CR LF é CR c LF U+2028 d VT e; three breaks, and two that are none."""


@pytest.mark.parametrize(
    ("encoding", "offset", "place"),
    [
        (UTF_16, 0, (0, 0)),
        (UTF_16, 1, (0, 1)),
        (UTF_16, 2, (0, 3)),
        (UTF_16, 3, (0, 4)),
        (UTF_16, 5, (1, 0)),
        (UTF_16, 6, (1, 1)),
        (UTF_16, 7, (2, 0)),
        (UTF_16, 9, (3, 0)),
        (UTF_16, 11, (3, 2)),
        (UTF_16, 13, (3, 4)),
        (UTF_8, 2, (0, 5)),
        (UTF_8, 6, (1, 2)),
        (UTF_8, 10, (3, 3)),
        (UTF_32, 2, (0, 2)),
        (UTF_32, 3, (0, 3)),
    ],
)
def test_there_and_back(encoding: str, offset: int, place: tuple[int, int]) -> None:
    lines = Lines(TEXT, encoding)
    assert lines.point(offset) == place
    assert lines.offset(*place) == offset


@pytest.mark.parametrize(
    ("line", "character", "offset"),
    [
        (0, 2, 1),  # within the emoji: before it
        (0, 99, 3),  # behind the line: at its end, before the break
        (1, 99, 6),
        (99, 0, 13),
        (-1, 0, 0),
    ],
)
def test_places_that_are_none(line: int, character: int, offset: int) -> None:
    assert Lines(TEXT).offset(line, character) == offset


@pytest.mark.parametrize(("offset", "place"), [(4, (0, 4)), (99, (3, 4)), (-1, (0, 0))])
def test_offsets_that_are_none(offset: int, place: tuple[int, int]) -> None:
    assert Lines(TEXT).point(offset) == place


@pytest.mark.parametrize("encoding", [UTF_8, UTF_16, UTF_32])
@pytest.mark.parametrize("text", ["", "plain\nascii", TEXT, "\ufeffname: x", "\ud800 alone"])
def test_every_offset_comes_back(encoding: str, text: str) -> None:
    lines = Lines(text, encoding)
    between = {at + 1 for at in range(len(text)) if text.startswith("\r\n", at)}
    for offset in set(range(len(text) + 1)) - between:
        assert lines.offset(*lines.point(offset)) == offset
