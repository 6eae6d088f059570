"""Whatever the text is, reading it and judging its shape ends with findings, not exceptions."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Sink
from dagnats.lang.front import understand
from dagnats.source import reader
from tests.source.reading import nodes, position, spans

pytestmark = pytest.mark.slow

FAST = reader._fast_parser()
EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*/workflow.*"))
SEEDS = [path.read_text(encoding="utf-8") for path in EXAMPLES]
SEEDS += [
    """{"name": "\\ud83d\\ude00", "steps":
     [{"id": "a", "task": "b", "with": {"c": "${{ input }}"}}]}""",
    """\ufeffx: &x {timeout: 1s}\r
name: 'a''b'\r
steps:\r
- id: a\r
  task: b\r
  with: {c: *x, d: "\\u00e9 ${{ input.e }}"}\r
  when: >-\r
    input.f\r
    && input.g\r
""",
    """name: a
input_schema: {}
steps:
  - {id: a, task: b, timeout: 1000, retry: {max_attempts: 3}}
  - {id: c, type: agent_loop, task: b, config: {until: result.done, max_iterations: 3}}
output: !x |
  ${{ steps.c.output }}
""",
]
TOKENS = [
    *"\t\n\r -:?,[]{}#&*!|>'\"%@`\\0a\0é😀\ufeff\u2028", "\ud800", "\r\n", "- ", ": ", "? ", "<<: ",
    "&a ", "*a", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "!!str ", "\\ud83d", "\\ude00",
    "\\x00", "1e999", ".inf", "9" * 30, "null", "true", "${{", "}}", "$${{", "name: ", "steps:",
]  # fmt: skip
BOUNDED = settings(
    max_examples=400,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

pieces = st.lists(st.sampled_from(TOKENS) | st.text(max_size=3), max_size=20).map("".join)


@st.composite
def mutants(draw):
    """A document in which lines and characters went missing, came twice or changed places."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        parts = text.splitlines(keepends=True) if draw(st.booleans()) else [text]
        at = draw(st.integers(0, len(parts) - 1)) if parts else 0
        to = draw(st.integers(0, len(parts) - 1)) if parts else 0
        match draw(st.sampled_from(["drop", "double", "swap", "insert", "cut"])):
            case "drop" if len(parts) > 1:
                del parts[at]
            case "double" if len(parts) > 1:
                parts.insert(to, parts[at])
            case "swap" if len(parts) > 1:
                parts[at], parts[to] = parts[to], parts[at]
            case "insert":
                where = draw(st.integers(0, len(text)))
                parts = [text[:where], draw(st.sampled_from(TOKENS)), text[where:]]
            case _:
                where = draw(st.integers(0, len(text)))
                parts = [text[:where], text[where + draw(st.integers(1, 20)) :]]
        text = "".join(parts)
    return text


@pytest.fixture(params=["installed", "python"])
def parser(request, monkeypatch):
    fast = FAST if request.param == "installed" else None
    monkeypatch.setattr(reader, "_fast_parser", lambda: fast)


@BOUNDED
@given(text=pieces | mutants())
def test_any_text_is_read_or_reported(parser, text):
    sink = Sink()
    document = reader.read(text, "a.yaml", sink)
    assert document is not None or sink.has_errors
    found = list(spans(sink.sorted()))
    if document is not None:
        found += [span for _, span in nodes(document.root)]
        understand(document, sink)
        found += spans(sink.sorted())
    for span in found:
        assert 0 <= span.start.offset <= span.end.offset <= len(text)
        assert span.start == position(text, span.start.offset)
        assert span.end == position(text, span.end.offset)
