"""Every style of YAML: a name inside `${{ … }}` is found exactly where it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Sink
from dagnats.expr.ast import Ident, walk
from dagnats.lang.templates import condition, template
from dagnats.source import reader
from dagnats.source.document import Scalar
from dagnats.source.placement import Placement
from dagnats.source.reader import read
from tests.source.reading import position

pytestmark = pytest.mark.slow

FAST = reader._fast_parser()
PARSERS = [
    pytest.param(FAST, id="fast", marks=pytest.mark.skipif(FAST is None, reason="none")),
    None,
]

STYLES = {
    "plain": "v: ${{ here }}\n",
    "plain, in text": "v: text ${{ one + here }} more\n",
    "plain, several lines": "v: text\n  ${{ one\n\n     + here }}\n  ${{ here }}\n",
    "plain, text before a comment": "v: text ${{ here }}  # comment\n",
    "plain, carriage returns": "v: text\r\n  of ${{ here }}\r\n  ${{\r\n  here }}\r\n",
    "single": "v: 'text ${{ here }}'\n",
    "single, doubled quotes": "v: 'it''s ${{ ''a'' + here }}'\n",
    "single, several lines": "v: 'it''s\n\n   text\n  ${{ here }}  \n  and ${{ here }} '\n",
    "double": 'v: "text ${{ here }}"\n',
    "double, escapes": (
        'v: "\\ttab \\"${{ \\"a\\" + here }}\\" \\x41 \\u00e9 \\U0001F600 \\\\ ${{ here }}"\n'
    ),
    "double, surrogate pairs of JSON": (
        '{"v": "\\ud83d\\ude00 ${{ here }} \\ud83d\\ude00\\n${{ here }}"}'
    ),
    "double, several lines": (
        'v: "text  \n\n  more\\n  ${{ here }} \\\n    joined ${{ here }}\\\n\n  x ${{ here }}"\n'
    ),
    "literal": "v: |\n  text\n  ${{ here }}\n",
    "literal, nested": (
        "a:\n  - v: |\n      text ${{ here }}\n\n        ${{ one +\n            here }}\n    w: 1\n"
    ),
    "literal, kept": "v: |+  # comment\n  ${{ here }}\n\n\n",
    "literal, stripped": "v: |-\n\n\n  a\n  ${{ here }}",
    "literal, indentation indicator": "v: |2\n     ${{ here }}\n   ${{ here }}\n",
    "literal, both indicators": "v: |1-\n   ${{ here }}\n  ${{ here }}\n",
    "literal, carriage returns": "v: |\r\n  text\r\n  ${{ here }}\r\n",
    "folded": "v: >\n  text\n  ${{ here }}\n",
    "folded, stripped": "v: >-\n  ${{ one +\n  here }}\n",
    "folded, indentation indicator": "v: >2-\n    ${{ here }}\n  text\n  ${{ here }}\n",
    "folded, all kinds of lines": (
        "v: >\n\n  one\n  ${{ here }}\n\n\n  two ${{ here }}\n    more ${{ here }}\n\n"
        "    ${{ here }}\n  back ${{ here }}\n  \t${{ here }}\n  end ${{ here }}\n\n"
    ),
    "flow": "w: {v: '${{ here }}', u: [\"\\t${{ here }}\"]}\nv: x\n",
    "flow, several lines": "w: [ \"text\n  of ${{ here\n   }}\", 'a''s\n  ${{ here }}' ]\nv: x\n",
    "anchored": "a: &x >-\n  text\n  ${{ here }}\nv: *x\n",
    "behind a byte order mark": "\ufeffv: 'it''s ${{ here }}'\n",
}


def found(text, sink):
    """Return the spans of the name `here`, in the order of the text."""
    root = read(text, "a.yaml", sink).root
    built = template(root, sink)
    assert built is not None, sink.sorted()
    return {built.spans[n.id] for n in walk(built.expr) if n == Ident("here")}


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize("text", STYLES.values(), ids=STYLES)
def test_a_name_is_found_where_it_is_written(text, parser, monkeypatch):
    monkeypatch.setattr(reader, "_fast_parser", lambda: parser)
    sink = Sink()
    starts = [at for at in range(len(text)) if text.startswith("here", at)]
    assert sorted((s.start, s.end) for s in found(text, sink)) == [
        (position(text, at), position(text, at + 4)) for at in starts
    ]


@pytest.mark.parametrize("parser", PARSERS)
@pytest.mark.parametrize(
    ("text", "line", "columns"),
    [
        ("v: a and b\n", 1, (6, 9)),
        ("v: 'a == ''x'' and b'\n", 1, (16, 19)),
        ('v: "a == \\"x\\"\\n  and b"\n', 1, (19, 22)),
        ("v: >\n  a\n  and b\n", 3, (3, 6)),
        ("v: |\n  a\n    and b\n", 3, (5, 8)),
        ("v: a\n   and b\n", 2, (4, 7)),
    ],
)
def test_a_mistake_is_reported_where_it_is_written(text, line, columns, parser, monkeypatch):
    monkeypatch.setattr(reader, "_fast_parser", lambda: parser)
    sink = Sink()
    assert condition(read(text, "a.yaml", sink).root.get("v"), sink) is None
    (mistake,) = sink.sorted()
    assert (mistake.message, mistake.span.start.line) == ("`and` is no operator", line)
    assert (mistake.span.start.column, mistake.span.end.column) == columns


_LINES = st.lists(st.text(alphabet="ab \t'\"\\#:", max_size=6), min_size=1, max_size=6)
_FORMS = st.sampled_from(
    ["'{}'", '"{}"', "{}", "|\n{}", "|+\n{}", "|2-\n{}", ">\n{}", ">-\n{}", ">1\n{}"]
)


@given(
    _LINES,
    _FORMS,
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 4),
    st.sampled_from([FAST, None]),
)
def test_every_letter_of_any_scalar_stands_where_it_is_placed(lines, form, end, indent, parser):
    written = form.format(f"{end}{' ' * indent}".join(["", *lines] if "\n" in form else lines))
    text = f"v: {written}{end}w: x{end}"
    attempt = reader._attempt(text, parser)
    node = attempt.root.get("v") if attempt.root is not None else None
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or node.verbatim:
        return
    if "\ufffd" in node.value:
        return  # an escape of what no text may hold
    placement = Placement(node.value, node.written, node.style, node.span)
    for at, char in enumerate(node.value):
        if char in "ab":
            span = placement.span(at, at + 1)
            assert text[span.start.offset : span.end.offset] == char
            assert span.start == position(text, span.start.offset)
