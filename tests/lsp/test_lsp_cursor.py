"""What stands before the cursor in an expression that is not finished."""

import pytest

from dagnats.lsp.cursor import plain, read_cursor, tokens


@pytest.mark.parametrize(
    ("text", "kind", "receiver", "word", "fillings"),
    [
        ("", "root", "", "", ()),
        ("inp", "root", "", "inp", ()),
        ("a.", "member", "a", "", ("a", "a")),
        ("a.b.c", "member", "a.b", "c", ("a.b", "a.b")),
        ("a.?b", "member", "a", "b", ("a", "a")),
        ("a[0].b(c, d).", "member", "a[0].b(c, d)", "", ("a[0].b(c, d)", "a[0].b(c, d)")),
        ("x && f(a.b", "member", "a", "b", ("x && f(a)", "a")),
        ("c ? a.", "member", "a", "", ("c ? a : null", "a")),
        ("c ? 1 : a.", "member", "a", "", ("c ? 1 : a", "a")),
        ("xs.map(i, i.", "member", "i", "", ("xs.map(i, i)", "i")),
        ('{"a": [b.', "member", "b", "", ('{"a": [b]}', "b")),
        ("(a + b).", "member", "(a + b)", "", ("(a + b)", "(a + b)")),
        ("a in b.", "member", "b", "", ("a in b", "b")),
        ('"text".', "member", '"text"', "", ('"text"', '"text"')),
        ("a.b == ", "value", "a.b", "", ("a.b", "a.b")),
        ("a.b != 'lo", "value", "a.b", "lo", ("a.b", "a.b")),
        ('steps["fi', "key", "steps", "fi", ("steps", "steps")),
        ('f(steps["fi', "key", "steps", "fi", ("f(steps)", "steps")),
        ('["fi', "none", "", "fi", ()),
        ("'a text", "none", "", "a text", ()),
        ("a.`some-", "member", "a", "some-", ("a", "a")),
        ("a +", "root", "", "", ()),
    ],
)
def test_the_receiver(
    text: str, kind: str, receiver: str, word: str, fillings: tuple[str, ...]
) -> None:
    found = read_cursor(text, 0, len(text))
    assert (found.kind, found.receiver, found.word) == (kind, receiver, word)
    assert found.fillings == fillings


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("xs.map(i, ", ("i",)),
        ("xs.transformList(i, x, ", ("i", "x")),
        ("xs.all(a, ys.exists(b, a.", ("a", "b")),
        ("xs.map(i, i) + ", ()),
        ("f(i, ", ()),
    ],
)
def test_the_variables_of_macros_around(text: str, variables: tuple[str, ...]) -> None:
    assert read_cursor(text, 0, len(text)).variables == variables


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("f(", ("f", None, 0)),
        ("f(a, b", ("f", None, 1)),
        ("a.b.f(g(1, 2), [3, 4], ", ("f", "a.b", 2)),
        ("f(g(", ("g", None, 0)),
        ("f(a)", None),
        ("(a", None),
    ],
)
def test_the_call_around(text: str, call: tuple[str, str | None, int] | None) -> None:
    found = read_cursor(text, 0, len(text)).call
    assert (found and (found.name, found.receiver, found.argument)) == call


def test_a_window_of_a_text() -> None:
    found = read_cursor("when: steps.a.output.b", 6, 21)
    assert (found.receiver, found.start, found.dot) == ("steps.a.output", 21, 20)


@pytest.mark.parametrize(
    ("text", "style", "kinds"),
    [
        (r"a[\"b\"]", "double", ["IDENT", "LSQB", "STRING", "RSQB"]),
        ("a == ''b", "single", ["IDENT", "__ANON_4", "OPEN"]),
        ("a // gone", "plain", ["IDENT"]),
    ],
)
def test_tokens_inside_of_quotes(text: str, style: str, kinds: list[str]) -> None:
    mended = plain(text, style)
    assert len(mended) == len(text)
    assert [token.kind for token in tokens(mended, 0, len(mended))] == kinds
