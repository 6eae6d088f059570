"""What stands where a value says it does reads as that value again, in every style."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.source import reader
from dagnats.source.document import Mapping, Scalar, Sequence
from tests.source.reading import part, position, read_text

pytestmark = pytest.mark.slow

FAST = reader._fast_parser()
BOUNDED = settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

words = st.text(st.sampled_from("abcé😀1"), min_size=1, max_size=4)
lines = st.lists(words, min_size=1, max_size=3)


def block(style):
    """Blocks, some with an indicator of their indentation, some with what is kept at the end."""

    @st.composite
    def draw_block(draw):
        chomping = draw(st.sampled_from(["", "-", "+"]))
        extra = draw(st.sampled_from([0, 0, 2]))
        explicit = extra > 0 or draw(st.booleans())
        header = f"{style}{'2' if explicit else ''}{chomping}"
        body = [" " * extra * (number == 0) + line for number, line in enumerate(draw(lines))]
        return "block", header, body

    return draw_block()


plain = st.builds(lambda parts: ("flow", " ".join(parts), []), lines)
several = st.builds(lambda parts: ("flow", parts[0], parts[1:]), lines)
single = st.builds(
    lambda text: ("flow", "'" + text.replace("'", "''") + "'", []),
    st.text(st.sampled_from("ab'\"\\#: é😀"), max_size=6),
)
double = st.builds(
    lambda parts: ("flow", '"' + "".join(parts) + '"', []),
    st.lists(st.sampled_from(["a", " ", "é", "😀", "\\n", '\\"', "\\\\", "\\u00e9", "\\x41", "'"])),
)
scalars = st.one_of(plain, several, single, double, block("|"), block(">"))
brackets = st.builds(
    lambda items: ("flow", "[" + ", ".join(part[1] for part in items) + "]", []),
    st.lists(st.one_of(plain, single, double), max_size=3),
)


@st.composite
def documents(draw):
    """Mappings of a few keys, one in the other, with anchors, comments, and any line ends."""
    out = []
    depth = 0
    for number in range(draw(st.integers(1, 6))):
        depth = draw(st.integers(0, depth))
        indent = "  " * depth
        anchor = draw(st.sampled_from(["", "", f"&x{number} "]))
        if draw(st.integers(0, 3)) == 0:
            out.append(f"{indent}k{number}: {anchor}".rstrip())
            depth += 1
            out.append(f"{'  ' * depth}first: 1")
            continue
        kind, first, rest = draw(scalars | brackets)
        comment = draw(st.sampled_from(["", "  # c"])) if kind == "block" or not rest else ""
        out.append(f"{indent}k{number}: {anchor}{first}{comment}")
        out += [f"{indent}  {line}" for line in rest]
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    bom = draw(st.sampled_from(["", "\ufeff"]))
    return bom + end.join(out) + draw(st.sampled_from(["", end, end * 3]))


@pytest.fixture(params=["c", "python"] if FAST else ["python"])
def parser(request, monkeypatch):
    fast = FAST if request.param == "c" else None
    monkeypatch.setattr(reader, "_fast_parser", lambda: fast)


def parts(node, column=0):
    """Yield every scalar below a node with the column of the key around it."""
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from parts(entry.value, entry.key_span.start.column - 1)
            yield Scalar(entry.key, entry.key_span), column
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from parts(item, column)
    else:
        yield node, column


def again(written, column):
    """Read a scalar by itself, at the indentation that it had."""
    sink = Sink()
    indent = " " * column
    text = f"{indent}k: {written}\n" if written else f"{indent}k:\n"
    document = reader.read(text, "again.yaml", sink)
    assert not sink.has_errors
    return document.root.get("k")


@BOUNDED
@given(text=documents())
def test_the_text_of_a_scalar_reads_as_its_value(parser, text):
    document, findings = read_text(text)
    assert all(finding.severity is not Severity.ERROR for finding in findings)
    for node, column in parts(document.root):
        assert node.span.start == position(text, node.span.start.offset)
        assert node.span.end == position(text, node.span.end.offset)
        found = again(part(text, node.span), column)
        if node.style in {"literal", "folded"}:
            assert found.value.rstrip("\n") == node.value.rstrip("\n")
        else:
            assert (found.value, type(found.value)) == (node.value, type(node.value))
        if node.verbatim and isinstance(node.value, str):
            assert node.value in part(text, node.span)
