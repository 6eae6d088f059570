"""The formatter: same meaning, all comments, one form, whatever the text is."""

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagnats.diagnostics.diagnostic import Severity
from dagnats.source import format as formatting
from dagnats.source.document import to_json
from dagnats.source.format import format_text
from dagnats.source.formatting import order, parse
from tests.source.reading import read_text
from tests.source.test_anything import BOUNDED, TOKENS, mutants, pieces
from tests.source.yaml_texts import Writer, numbers

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted([*ROOT.glob("examples/*/workflow.yaml"), *ROOT.glob("examples/*/hello.json")])
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PAGE = (ROOT / "docs" / "formatting.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?:yaml|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAIR = re.compile(
    r"^```(yaml|json) before\n(.*?)^```\n\n^```\1 after\n(.*?)^```", re.MULTILINE | re.DOTALL
)
LONG = "x" * 60


def formatted(text, file="a.yaml", **options):
    """Return the text that a document becomes, formatted twice and compared."""
    result = format_text(text, file, **options)
    assert (result.findings, result.problem) == ((), None)
    assert format_text(result.text, file, **options).text == result.text
    return result.text


def value(text):
    document, _ = read_text(text)
    return json.dumps(to_json(document.root))


# What the page shows, and what it would be too long for


@pytest.mark.parametrize(
    ("kind", "before", "after"), PAIR.findall(PAGE), ids=lambda text: text.split("\n")[0]
)
def test_the_page_shows_what_happens(kind, before, after):
    assert formatted(before, f"a.{kind}") == after


def test_the_page_has_examples():
    assert len(PAIR.findall(PAGE)) >= 8


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\ufeffa: 1\r\nb:\r\n- c\r\n", "a: 1\nb:\n  - c\n"),
        ("a: 1", "a: 1\n"),
        ("\n\n\na: 1  \n\n\n\nb: 2\n\n\n", "a: 1\n\nb: 2\n"),
        ("a:\n\n\n  b: 1\n", "a:\n  b: 1\n"),
        ("- a\n-   - b\n    - c\n", "- a\n- - b\n  - c\n"),
        ("a: [1,2 ,{b: c,d: }]\n", "a: [1, 2, {b: c, d: null}]\n"),
        ("a: {b: *x}\n".replace("*x", "&x 1, c: *x"), "a: {b: &x 1, c: *x}\n"),
        ("a: &x\nb: *x\n&y c: 1\n", "a: &x\nb: *x\n&y c: 1\n"),
        ("a: &x b\n*x : c\n", "a: &x b\n*x : c\n"),
        ("- &x\n    a: 1\n- &y  # c\n  - b\n", "- &x\n  a: 1\n# c\n- &y\n  - b\n"),
        ("? a\n: b\n? |\n  c\n: d\n", 'a: b\n"c\\n": d\n'),
        ("a: |4-\n     b\n    c\n", "a: |2-\n   b\n  c\n"),
        ("a: | # c\n   b\n\n   d\n", "a: |  # c\n  b\n\n  d\n"),
        ("a: |+\n  b\n\n\nc: d\n", "a: |+\n  b\n\n\nc: d\n"),
        ("a: |+\n  b\n\n\n", "a: |+\n  b\n\n\n"),
        ("a: |\n  b", "a: |-\n  b\n"),
        ("a: &x {b: 1}\nc: {<<: *x,d: 2}\n", "a: &x {b: 1}\nc: {<<: *x, d: 2}\n"),
        ("a: &x {b: 1}\nc:\n   <<: [*x ] #m\n", "a: &x {b: 1}\nc:\n  <<: [*x]  # m\n"),
        ("a: {b,c , ? d , e: }\nf: [? g ]\n", "a: {b, c, d, e: null}\nf: [g: null]\n"),
        (f"a: {{b, {LONG}{LONG}}}\n", f"a:\n  b:\n  {LONG}{LONG}:\n"),
        ("a: {b: true  :, c: [\nd]}\n", 'a:\n  b: "true  :"\n  c:\n    - d\n'),
        ("a: one #12\n", "a: one  #12\n"),
        ("- |1\n   \n- |+\n\n  \n- |\n", "- |2\n    \n- |+\n\n\n- |\n"),
        ("- |+\n a\n-\n\n # c\n b: 1\n", "- |+\n  a\n# c\n- b: 1\n"),
        ("a: |\n b  \n   \n", "a: |\n  b  \n    \n"),
        ("a: >\n    b\n    c\n\n      d\n", "a: >\n  b\n  c\n\n    d\n"),
        ("a: 'b\n      c'\n", 'a: "b\n  c"\n'),
        ('a: "b \\\n      c\\ \n  d"\n', 'a: "b \\\n  c\\ \n  d"\n'),
        ("a: b\n     c\n", "a: b\n  c\n"),
        ("a: [b\n   c]\n", "a: [b c]\n"),
        ("a: 'it''s'\nb: 'a\"'\nc: '\\d'\n", "a: \"it's\"\nb: 'a\"'\nc: '\\d'\n"),
        ("a: 1.0\nb: 1e3\nc: 0x1F\nd: ~\ne: no\n", "a: 1.0\nb: 1e3\nc: 0x1F\nd: ~\ne: no\n"),
        ("#a\n#\n#!b\n##c\na: 1 #d\n", "# a\n#\n#!b\n## c\na: 1  # d\n"),
        ("a: 1     # x\nbbbb: 2  # y\nc: 3 # z\n", "a: 1     # x\nbbbb: 2  # y\nc: 3  # z\n"),
        ("a:\n- b\n# of c\nc: 1\n", "a:\n  - b\n# of c\nc: 1\n"),
        ("a:\n  - b\n  # in a\n# of c\nc: 1\n", "a:\n  - b\n  # in a\n# of c\nc: 1\n"),
        ("-  # c\n  a: 1\n", "# c\n- a: 1\n"),
        ("a: # c\n  b: 1\n", "a:  # c\n  b: 1\n"),
        ("a: # c\n  b\n", "# c\na: b\n"),
        ("a: [1, # c\n  2]\n", "a:\n  - 1  # c\n  - 2\n"),
        ("a: [ # c\n]\n", "# c\na: []\n"),
        ("a: {\n  b: 1}\n", "a:\n  b: 1\n"),
        ("a: {b: 1,\n  c: 2,}\n", "a: {b: 1, c: 2}\n"),
        (f"a: {{b: {LONG}, c: {LONG}}}  # d\n", f"# d\na:\n  b: {LONG}\n  c: {LONG}\n"),
        (f"- [[{LONG}, {LONG}]]  # d\n", f"# d\n- - - {LONG}\n    - {LONG}\n"),
        ("a: [b: 1, ? c : 2, d]\n", "a: [b: 1, c: 2, d]\n"),
        ("# a\n---   # b\nc: 1\n...\n# d\n", "# a\n---\n# b\nc: 1\n# d\n"),
        ("{a: 1, b: [2]} # c\n", "{a: 1, b: [2]}  # c\n"),
        ('{a: "\\ud83d\\ude00",\n# c\n}\n', 'a: "\\U0001F600"\n# c\n'),
        ("  a: 1\n  b: 2\n", "a: 1\nb: 2\n"),
        ("text  # c", "text  # c"),
        ("|\n text\n\n", "|\n text\n\n"),
        ("&a # c\nb: 1\n", "# c\n&a\nb: 1\n"),
        ("# c\n&a b: 1\n", "# c\n&a b: 1\n"),
        ("--- &a # c\n[1,2] # d\n", "---\n# c\n&a [1, 2]  # d\n"),
    ],
)  # fmt: skip
def test_yaml(before, after):
    assert formatted(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"a":1.0,"b":[1e3,"\\u00e9é"]}', '{"a": 1.0, "b": [1e3, "\\u00e9é"]}\n'),
        ('{\n"a": {}, "b": [\n]}', '{\n  "a": {},\n  "b": []\n}\n'),
        (
            '{\n"a": [\n1, 2], "b": {"c": 3}}',
            '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {"c": 3}\n}\n',
        ),
        (f'["{LONG}", {{"a": "{LONG}"}}]', f'[\n  "{LONG}",\n  {{"a": "{LONG}"}}\n]\n'),
        ('\ufeff{"\\ud83d\\ude00": 1}\r\n', '{"\\ud83d\\ude00": 1}\n'),
    ],
)
def test_json(before, after):
    assert formatted(before, "a.json") == after
    assert json.loads(after) == json.loads(before.removeprefix("\ufeff"))


@pytest.mark.parametrize("width", [99, 100, 101])
def test_brackets_may_be_100_columns_long(width):
    text = f"a: [b, {'c' * (width - 8)}]\n"
    assert len(text) == width + 1
    assert (formatted(text) == text) is (width <= 100)
    text = f'{{\n  "a": ["{"c" * (width - 12)}"],\n  "b": 1\n}}\n'
    assert len(text.splitlines()[1]) == width
    assert (formatted(text, "a.json") == text) is (width <= 100)


# What is left alone


@pytest.mark.parametrize(
    ("text", "file", "code"),
    [
        ("a: [", "a.yaml", None),
        ("", "a.yaml", "DN1009"),
        ("a: 1\na: 2\n", "a.yaml", "DN1003"),
        ("a: !x 1\n", "a.yaml", "DN1005"),
        ("a: 1\n---\nb: 2\n", "a.yaml", "DN1008"),
        ("a: 1\n", "a.json", "DN1029"),
        ('{"a": NaN}', "a.json", "DN1010"),
        ('{"a": 1,}', "A.JSON", "DN1029"),
        ("a: [1]\n\ufeff\n# c\n", "a.yaml", "DN1002"),
    ],
)
def test_what_cannot_be_read_is_told(text, file, code):
    result = format_text(text, file)
    assert (result.text, result.problem) == (None, None)
    assert code in {finding.code for finding in result.findings} | {None}
    assert all(finding.severity is Severity.ERROR for finding in result.findings)
    assert result.findings


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda _: "a: 2\n", "would not mean the same"),
        (lambda _: "a: 1.0  # c\n", "would not mean the same"),
        (lambda _: "a: 1\n", "comment"),
        (lambda _: "a: [\n", "cannot be read"),
    ],
)
def test_a_wrong_result_is_not_handed_out(broken, said, monkeypatch):
    monkeypatch.setattr(formatting, "write_yaml", broken)
    result = format_text("a:  1  # c\n")
    assert result.text is None
    assert said in result.problem


# The order of keys


def test_keys_are_sorted_only_when_asked():
    text = """\
# about the file
steps:
  # about a
  - task: t  # t
    # about id
    id: a
    x: 1
name: n
"""
    assert formatted(text) == text
    assert (
        formatted(text, sort_keys=True)
        == """\
# about the file
name: n
steps:
  # about a
  # about id
  - id: a
    task: t  # t
    x: 1
"""
    )


@pytest.mark.parametrize(
    "text",
    [
        "steps: &x [a]\nname: *x\n",
        "output: &x 1\nsteps: &x 2\nz: *x\n",
        "steps: 1\nother: {name: 1, dagnats: 2}\n",
    ],
)
def test_what_anchors_mean_stays_when_keys_are_sorted(text):
    assert formatted(text, sort_keys=True) == text


def test_bodies_of_steps_are_sorted_too():
    text = (
        "steps:\n  - config: {cases: [{steps: [{task: t, id: b}]}], steps: [{task: t, id: c}]}\n"
        "    id: a\n"
    )
    assert formatted(text, sort_keys=True) == (
        "steps:\n  - id: a\n"
        "    config: {cases: [{steps: [{id: b, task: t}]}], steps: [{id: c, task: t}]}\n"
    )


def test_every_key_of_the_language_has_its_place():
    schema = json.loads((ROOT / "schemas" / "workflow.schema.json").read_text(encoding="utf-8"))
    assert set(schema["properties"]) <= set(order.TOP)
    assert set(schema["$defs"]["step"]["properties"]) <= set(order.STEP)


# Any document


@BOUNDED
@given(seed=st.integers(0, 2**32))
def test_any_document_keeps_its_value_and_comments(seed):
    text = Writer(seed).document()
    result = format_text(text)
    assert (result.findings, result.problem) == ((), None)
    assert value(result.text) == value(text)
    assert list(numbers(result.text)) == list(numbers(text))
    assert format_text(result.text).text == result.text
    assert result.text.endswith("\n")
    assert "\r" not in result.text
    ordered = format_text(text, sort_keys=True)
    assert ordered.problem is None
    assert sorted(numbers(ordered.text)) == sorted(numbers(text))
    assert format_text(ordered.text, sort_keys=True).text == ordered.text


def test_random_documents_are_worth_the_name():
    texts = [Writer(seed).document() for seed in range(300)]
    assert sum(len(list(numbers(text))) for text in texts) > 1000
    for sign in ("|", ">", "'", '"', "&n", "*n", "<<", "{", "[", "? ", "---", "\r\n", "\ufeff"):
        assert any(sign in text for text in texts), sign


@BOUNDED
@given(text=pieces | mutants(), file=st.sampled_from(["a.yaml", "a.json"]))
def test_anything_is_formatted_or_reported(text, file):
    check_anything(text, file)


@BOUNDED
@given(seed=st.integers(0, 2**32), at=st.integers(0, 10**4), token=st.sampled_from(TOKENS))
def test_any_document_with_something_wrong_in_it(seed, at, token):
    text = Writer(seed).document()
    at %= len(text) + 1
    check_anything(text[:at] + token + text[at:], "a.yaml")


def check_anything(text, file):
    result = format_text(text, file)
    assert result.problem is None
    assert (result.text is None) is bool(result.findings)
    if result.text is not None:
        assert value(result.text) == value(text)
        assert format_text(result.text, file).text == result.text


# Our own documents


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_keep_their_meaning(path):
    text = path.read_text(encoding="utf-8")
    assert value(formatted(text, path.name)) == value(text)


def test_what_pages_show_keeps_its_meaning():
    blocks = [block for page in PAGES for block in BLOCK.findall(page.read_text(encoding="utf-8"))]
    read = [block for block in blocks if not format_text(block).findings]
    assert len(read) >= 4
    for block in read:
        assert value(formatted(block)) == value(block)


# Effort


def calls(text):
    """Return how many functions of ours are called to format a text."""
    count = 0

    def tell(frame, event, _):
        nonlocal count
        count += event == "call" and "dagnats" in frame.f_code.co_filename

    sys.setprofile(tell)
    try:
        assert format_text(text).text is not None
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "piece",
    [
        "- {a:   1, b: [c, d], e: 'f'} # c\n",
        "- a: &x\n   b: |\n    text\n\n\n# c\n",
        f"- [{LONG}, [{LONG}, {{a: {LONG}}}]] # c\n",
        "# c\n\n- x\n",
    ],
)
def test_twice_the_text_is_twice_the_work(piece):
    once, twice = calls(piece * 100), calls(piece * 200)
    assert twice <= 2.1 * once


def test_deep_brackets_are_measured_once():
    deep = [calls("a: " + "[" * depth + LONG + "]" * depth + " # c\n") for depth in (10, 20, 40)]
    assert deep[2] - deep[1] <= 2.5 * (deep[1] - deep[0])


def test_a_pair_of_escapes_outside_of_quotes_is_text():
    assert formatted("{a: b \\ud83d\\ude00,\nc: [\n1]}\n") == "a: b \\U0001F600\nc:\n  - 1\n"
    assert formatted("a: b \\ud83d\\ude00\n") == "a: b \\ud83d\\ude00\n"


def test_puzzles_are_no_exceptions(monkeypatch):
    def puzzled(_):
        raise parse.PuzzledError("strange")

    monkeypatch.setattr(formatting, "parse", puzzled)
    assert format_text("a: 1\n").problem == "strange"
