"""What only seems to be: found where it is, mended by its fix, and never seen where it is not."""

import re
from pathlib import Path

import pytest

from dagnats.diagnostics.diagnostic import Severity, Sink
from dagnats.source.characters import TEXT_BYTES_MAX, decode
from dagnats.source.document import to_json
from dagnats.source.reader import SCALAR_CHARS_MAX, read_bytes
from tests.source.reading import apply, clean, part, read_text, shown

YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path
    for folder in ("examples", "docs")
    for path in sorted((ROOT / folder).rglob("*.*"))
    if path.suffix in {".yaml", ".yml", ".json"}
]
BLOCKS = [
    (page.name, block)
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if page.name != "diagnostics.md"
    for block in re.findall(
        r"^```yaml\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_examples_draw_nothing(path):
    sink = Sink()
    assert read_bytes(path.read_bytes(), path.name, sink) is not None
    assert sink.sorted() == ()


@pytest.mark.parametrize(("page", "text"), BLOCKS)
def test_documents_in_pages_draw_nothing(page, text):
    clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "on: push\nyes: 1\n12:30: b\n010x: c\n",
        "name: n\nx: y\nlanguage: C# code\nissue: owner/repo#12\nurl: http://a/b#c d\n",
        "a: it's #1\n".replace(" #1", ""),
        "a: 2024-01-01\nb: 2024-01-01T12:30:00Z\nc: 0\nd: -0.5\ne: 1e3\nf: 1.50\ng: nginx:1.27\n",
        "a: 'no'\nb: \"yes\"\nc: |\n  no\nd: notes\n",
        'a: text (b) [c] # and why\nb: say "x" # y\n',
        "version: 1.10\nb: {version: '1.10', ratio: 1.10, go: 1.22}\n",
        "a: b:c\nd: http://e\n- f".replace("\n- f", "\n"),
        "---\na: 1\n...\n",
        "a: 1\r\nb: 2\r\n",
        "\ufeffa: 1\n",
        "a: 👩\u200d💻 \u200f\n",
        "x: &a {b: 1}\ny: *a\n",
    ],
)  # fmt: skip
def test_ordinary_texts_draw_nothing(text):
    clean(text)


TRAPS = [
    ("a: no\n", "DN1022", "no", 'a: "no"\n'),
    ("a: Off\n", "DN1022", "Off", 'a: "Off"\n'),
    ("a: ~\n", "DN1022", "~", "a: null\n"),
    ("a: 12:30:00\n", "DN1022", "12:30:00", 'a: "12:30:00"\n'),
    ("a: 1_000\n", "DN1022", "1_000", 'a: "1_000"\n'),
    ("a: 0b11\n", "DN1022", "0b11", 'a: "0b11"\n'),
    ("a: 010\n", "DN1023", "010", "a: 10\n"),
    ("a: {go: 1.20}\n", "DN1024", "1.20", 'a: {go: "1.20"}\n'),
    ("python: [3.9, 3.10]\n", "DN1024", "3.10", 'python: [3.9, "3.10"]\n'),
    ("a: 'b'#c\n", "DN1020", "#", "a: 'b' #c\n"),
    ("a: [b]#c\n", "DN1020", "#", "a: [b] #c\n"),
    ("a: b# c\n", "DN1020", "#", "a: b # c\n"),
    ("a: 5m#c\n", "DN1020", "#", "a: 5m #c\n"),
    ("a: see issue #12 there\n", "DN1021", "#12 there", 'a: "see issue #12 there"\n'),
    ("a: f(b #c)\n", "DN1021", "#c)", 'a: "f(b #c)"\n'),
    ('a: b == "c #1"\n', "DN1021", '#1"', "a: 'b == \"c #1\"'\n"),
    ("{a:b, c: d}\n", "DN1019", ":", "{a: b, c: d}\n"),
    ("a: &b c\n", "DN1026", "&b", "a: c\n"),
    ("a: b\u202ec\n", "DN1028", "\u202e", "a: bc\n"),
    ("a: b\u200bc # \n", "DN1028", "\u200b", "a: bc # \n"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "source", "mended"), TRAPS)
def test_a_trap_is_found_and_mended(text, code, source, mended):
    document, (finding,) = read_text(text)
    assert document is not None
    assert (finding.code, part(text, finding.span)) == (code, source)
    assert finding.severity is not Severity.ERROR
    assert finding.help
    assert apply(text, finding.fixes[0]) == mended
    clean(mended)


@pytest.mark.parametrize(("text", "code", "source", "mended"), TRAPS)
def test_a_safe_fix_keeps_the_meaning(text, code, source, mended):
    document, (finding,) = read_text(text)
    for fix in finding.fixes:
        if fix.applicability == "safe":
            assert to_json(clean(apply(text, fix)).root) == to_json(document.root)


@pytest.mark.parametrize(
    ("text", "code", "mended"),
    [
        ("when: !a && b\n", "DN1013", 'when: "!a && b"\n'),
        ("when: !(a || b) # c\n", "DN1013", 'when: "!(a || b)" # c\n'),
        ("a: *.txt\n", "DN1013", 'a: "*.txt"\n'),
        ("a: @b\n", "DN1013", 'a: "@b"\n'),
        ("a: `b`\n", "DN1013", 'a: "`b`"\n'),
        ("a: %b\n", "DN1013", 'a: "%b"\n'),
        ("a: > 1\n", "DN1013", 'a: "> 1"\n'),
        ("a: b: c\n", "DN1015", 'a: "b: c"\n'),
        ("a: ${{ b ? 1 : 2 }}\n", "DN1015", 'a: "${{ b ? 1 : 2 }}"\n'),
        ("a: {{ b }}\n", "DN1018", 'a: "${{ b }}"\n'),
        ("a: [${{ b }}, c]\n", "DN1018", 'a: ["${{ b }}", c]\n'),
        ("a: 1\nb:2\n", "DN1019", "a: 1\nb: 2\n"),
        ("a:\n  b: 1\n   c: 2\n", "DN1017", "a:\n  b: 1\n  c: 2\n"),
        ("a:\n- b: 1\n c: 2\n", "DN1017", "a:\n- b: 1\n  c: 2\n"),
        ("x: &patient 1\ny: [*patent]\n", "DN1006", "x: &patient 1\ny: [*patient]\n"),
        ("a: !!str 1\n", "DN1005", 'a: "1"\n'),
    ],
)
def test_a_text_that_breaks_off_is_mended(text, code, mended):
    _, (finding,) = read_text(text)
    assert (finding.code, finding.severity) == (code, Severity.ERROR)
    assert apply(text, finding.fixes[0]) == mended
    clean(mended)


@pytest.mark.parametrize(
    ("tag", "help_"),
    [
        ("!!python/object:os.system", "never makes objects"),
        ("!!binary", "base64.decode"),
        ("!!set", "write a list"),
        ("!!timestamp", "dates are texts"),
        ("!!int", "without quotes"),
        ("!env", "quote the value"),
    ],
)
def test_each_tag_has_its_advice(tag, help_):
    _, (finding,) = read_text(f"a: {tag} x\n")
    assert finding.code == "DN1005"
    assert help_ in finding.help


def test_an_anchor_further_down_is_pointed_at():
    _, (finding,) = read_text("a: *b\nc: &b 1\n")
    assert [shown(label.span) for label in finding.labels] == ["2:4-2:6"]


@pytest.mark.parametrize(
    ("data", "place", "message"),
    [
        (b"a: \xff\n", "1:4-1:5", "byte 3 is no UTF-8: 0xFF"),
        (b"\xc3\xa9: 1\nb: \xe9t\xe9\n", "2:4-2:5", "byte 9 is no UTF-8: 0xE9"),
        (b"a: \xed\xa0\x80\n", "1:4-1:5", "byte 3 is no UTF-8"),
        ("a: 1".encode("utf-16"), "1:1-1:1", "written in UTF-16"),
        ("a: 1".encode("utf-32"), "1:1-1:1", "written in UTF-32"),
    ],
)
def test_bytes_that_are_no_text_are_refused_where_they_stand(data, place, message):
    sink = Sink()
    assert decode(data, sink) is None
    (finding,) = sink.sorted()
    assert (finding.code, shown(finding.span)) == ("DN1002", place)
    assert message in finding.message


def test_too_many_bytes_are_not_even_decoded():
    sink = Sink()
    assert decode(b"\xff" * (TEXT_BYTES_MAX + 1), sink) is None
    assert [finding.code for finding in sink.sorted()] == ["DN1011"]


def test_one_text_may_have_so_many_characters_and_no_more():
    clean("a: " + "x" * SCALAR_CHARS_MAX)
    _, (finding,) = read_text("a: " + "x" * (SCALAR_CHARS_MAX + 1))
    assert finding.code == "DN1011"
    assert str(SCALAR_CHARS_MAX) in finding.message


@pytest.mark.parametrize(
    "text", ["{a: http://b/?c, d: x?y, e: '?'}\n", "[a:b, c?]\n", "{a: b:c}\n"]
)
def test_words_with_signs_within_brackets_are_read_whole(text):
    assert "\ue000" not in str(to_json(clean(text).root))
    assert "?" in str(to_json(clean(text).root)) or ":" in str(to_json(clean(text).root))


def test_what_masks_them_may_stand_in_a_text_itself():
    assert to_json(clean("{a: b:c, d: \ue000}\n").root) == {"a": "b:c", "d": "\ue000"}
