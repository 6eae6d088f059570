"""Findings about one document, of every kind that a rendering has to cope with."""

from dagnats.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Severity, Span
from dagnats.diagnostics.places import Places

NAME = "flows/order: 100%, final.yaml"
TEXT = """\
dagnats: 1
name: order
timeout: 30000000000
steps:
  - {id: fetch, task: "日本", with: {"値": 1}, timout: 5s}
  - id: ship
    task: ship
    depends_on: [fecth, fetch, fetch]
\twhen: steps.fetch.output.count > 10
    with:
      note: |
        first line
        second line
output: {}
"""


def span(part: str, nth: int = 1) -> Span:
    """The place of the nth occurrence of a part of the text."""
    at = -1
    for _ in range(nth):
        at = TEXT.index(part, at + 1)
    return Places(TEXT).span(at, at + len(part))


def _fix(title: str, applicability: str, *edits: tuple[Span, str]) -> Fix:
    return Fix(title, tuple(Edit(where, text) for where, text in edits), applicability)


def _note() -> Span:
    return Places(TEXT).span(TEXT.index("|\n"), TEXT.index("output: {}") - 1)


FINDINGS = (
    Diagnostic(
        "DN9001",
        "a duration in nanoseconds: `30000000000` is 30s",
        span("30000000000"),
        Severity.INFO,
        help="write `30s`",
        fixes=(_fix("write `30s`", "safe", (span("30000000000"), "30s")),),
    ),
    Diagnostic(
        "DN2001",
        "the step has no key `timout`; did you mean `timeout`?",
        span("timout"),
        labels=(Label(span("値"), "beside this one, which is wide"),),
        help="a step takes `id`, `task`, `with`, `timeout` and a few more keys, each at most once",
        fixes=(_fix("write `timeout`", "safe", (span("timout"), "timeout")),),
    ),
    Diagnostic(
        "DN3002",
        "there is no step `fecth`",
        span("fecth"),
        labels=(Label(span("fetch"), "this is the only step before"),),
        help="did you mean `fetch`?",
        fixes=(
            _fix("write `fetch`", "unsafe", (span("fecth"), "fetch")),
            _fix("remove the dependency", "unsafe", (span("fecth, "), "")),
        ),
    ),
    Diagnostic(
        "DN9002",
        "the dependency on `fetch` stands here twice",
        span("fetch", 3),
        Severity.WARNING,
        labels=(Label(span("fetch", 2), "first here"),),
    ),
    Diagnostic(
        "DN5001",
        '`count` may be missing <&> "100%": \x1b[31mred\r\n\u202eevil',
        span("steps.fetch.output.count"),
        labels=(
            Label(span("fetch"), "declared here"),
            Label(_note(), "and this text depends on it"),
        ),
        help="use `steps.fetch.output.?count.orValue(0) > 10`",
    ),
)
