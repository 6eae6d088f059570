import math

import pytest

from dagnats.diagnostics.diagnostic import Position, Severity
from dagnats.source import characters, reader
from dagnats.source.document import Sequence, locate, to_json, walk
from tests.source.reading import apply, clean, hinted, nodes, part, position, read_text, shown

FAST = reader._fast_parser()
PARSERS = ["python"] if FAST is None else ["c", "python"]


@pytest.fixture(autouse=True, params=PARSERS)
def parser(request, monkeypatch):
    fast = FAST if request.param == "c" else None
    monkeypatch.setattr(reader, "_fast_parser", lambda: fast)


BOM = "\ufeff"
SAID = ("DN1022", "DN1023")
PLACES = [
    # plain, single, double, literal, folded
    ("a: b c # d\n", "$.a", "b c", "1:4-1:7"),
    ("a:   b\n", "$.a", "b", "1:6-1:7"),
    ("a: b\n  c\nd: 1\n", "$.a", "b\n  c", "1:4-2:4"),
    ("a: 'it''s' # d\n", "$.a", "'it''s'", "1:4-1:11"),
    ("a: 'b\n  c'\n", "$.a", "'b\n  c'", "1:4-2:5"),
    ('a: "b\\n\\"c"\n', "$.a", '"b\\n\\"c"', "1:4-1:12"),
    ('a: ""\n', "$.a", '""', "1:4-1:6"),
    ("a: |\n  b\n  c\nd: 1\n", "$.a", "|\n  b\n  c", "1:4-3:4"),
    ("a: |-  # d\n  b\n\n\nd: 1\n", "$.a", "|-  # d\n  b", "1:4-2:4"),
    ("a: |+\n  b\n\nd: 1\n", "$.a", "|+\n  b", "1:4-2:4"),
    ("a: |2\n   b\n", "$.a", "|2\n   b", "1:4-2:5"),
    ("a: |\nd: 1\n", "$.a", "|", "1:4-1:5"),
    ("a: >-\n  b\n  c\n# d\n", "$.a", ">-\n  b\n  c", "1:4-3:4"),
    # keys
    ("ab: 1\n", "$.ab:", "ab", "1:1-1:3"),
    ("a b : 1\n", "$.a b:", "a b", "1:1-1:4"),
    ("'a': 1\n", "$.a:", "'a'", "1:1-1:4"),
    ('"a": 1\n', "$.a:", '"a"', "1:1-1:4"),
    ("? a\n: b\n", "$.a:", "a", "1:3-1:4"),
    ("? a\n: b\n", "$.a", "b", "2:3-2:4"),
    ("{a, b: 1}\n", "$.a:", "a", "1:2-1:3"),
    ("{a: http://b/?c, d: x?y}\n", "$.a", "http://b/?c", "1:5-1:16"),
    ("{a: http://b/?c, d: x?y}\n", "$.d", "x?y", "1:21-1:24"),
    ("[22:22, a::b]\n", "$[1]", "a::b", "1:9-1:13"),
    # collections, in blocks and in one line
    ("a:\n  b: 1\n  c: 2\n\nd: 3\n", "$.a", "b: 1\n  c: 2", "2:3-3:7"),
    ("a:\n- 1\n- 2\nd: 3\n", "$.a", "- 1\n- 2", "2:1-3:4"),
    ("a:\n  - - 1\n    - 2\n", "$.a[0]", "- 1\n    - 2", "2:5-3:8"),
    ("a:\n  - b: 1\n    c: 2\n", "$.a[0]", "b: 1\n    c: 2", "2:5-3:9"),
    ("a:\n  - b: 1\n    c: 2\n", "$.a[0].c:", "c", "3:5-3:6"),
    ("a: {b: [1, {c: 2}]} # d\n", "$.a", "{b: [1, {c: 2}]}", "1:4-1:20"),
    ("a: {b: [1, {c: 2}]}\n", "$.a.b", "[1, {c: 2}]", "1:8-1:19"),
    ("a: {b: [1, {c: 2}]}\n", "$.a.b[1].c", "2", "1:16-1:17"),
    ("a: [1,\n  2 ]\n", "$.a", "[1,\n  2 ]", "1:4-2:6"),
    ("a: []\n", "$.a", "[]", "1:4-1:6"),
    ("--- # c\n\na: 1\n", "$", "a: 1", "3:1-3:5"),
    ("a: 1\nb: 2\n\n\n", "$", "a: 1\nb: 2", "1:1-2:5"),
    # anchors stand before the value, an alias is where its value is
    ("a: &x b\n", "$.a", "b", "1:7-1:8"),
    ("a: &x 'b'\n", "$.a", "'b'", "1:7-1:10"),
    ("a: &x\n  b: 1\n", "$.a", "b: 1", "2:3-2:7"),
    ("a: &x # c\n  # d\n  b: 1\n", "$.a", "b: 1", "3:3-3:7"),
    ("a: &x\n  - 1\n", "$.a", "- 1", "2:3-2:6"),
    ("a: &x |\n  b\n", "$.a", "|\n  b", "1:7-2:4"),
    ("a: &x {b: 1}\n", "$.a", "{b: 1}", "1:7-1:13"),
    ("a: &x b\nc: *x\n", "$.c", "b", "1:7-1:8"),
    ("&x a: 1\n", "$.a:", "a", "1:4-1:5"),
    ("&x a: 1\nb: {*x : 2}\n", "$.b.a:", "*x", "2:5-2:7"),
    ("[&x , b]\n", "$[0]", "", "1:4-1:4"),
    ("{a: &x}\n", "$.a", "", "1:7-1:7"),
    # ends of lines, the mark, tabs, characters beyond 16 bits
    ("a: 1\r\nb: 'x'\r\n", "$.b", "'x'", "2:4-2:7"),
    ("a: 1\rb: 2\r", "$.b:", "b", "2:1-2:2"),
    ("a: |\r\n  b\r\n  c\r\nd: 1\r\n", "$.a", "|\r\n  b\r\n  c", "1:4-3:4"),
    ("a: |\r\n  b\r\nd: 1\r\n", "$.d", "1", "3:4-3:5"),
    (f"{BOM}a: 1\nb: 2\n", "$.a:", "a", "1:1-1:2"),
    (f"{BOM}a: 1\nb: 2\n", "$.b", "2", "2:4-2:5"),
    (f'{BOM}{{"a": 1}}', "$.a", "1", "1:7-1:8"),
    ('{"a":\t1}\n', "$.a", "1", "1:7-1:8"),
    ('{\n\t"a": 1\n}\n', "$.a:", '"a"', "2:2-2:5"),
    ("a: 😀 é\n😀: {é: '😀', c: 1}\n", "$.a", "😀 é", "1:4-1:7"),
    ("a: 😀 é\n😀: {é: '😀', c: 1}\n", "$.😀.é", "'😀'", "2:8-2:11"),
    ("a: 😀 é\n😀: {é: '😀', c: 1}\n", "$.😀.c", "1", "2:16-2:17"),
    ('{"a": "\\ud83d\\ude00", "b": 1}', "$.a", '"\\ud83d\\ude00"', "1:7-1:21"),
    ('{"a": "\\ud83d\\ude00", "b": 1}', "$.b", "1", "1:28-1:29"),
    ('{"a": "\\ud83d\\ude00\\ud83d\\ude00",\n"\\ud83d\\ude00": 1}', "$.😀", "1", "2:17-2:18"),
]


@pytest.mark.parametrize(("text", "path", "source", "place"), PLACES)
def test_every_key_and_every_value_knows_where_it_stands(text, path, source, place):
    found = dict(nodes(hinted(text).root))
    assert (part(text, found[path]), shown(found[path])) == (source, place)


@pytest.mark.parametrize("text", sorted({text for text, *_ in PLACES}))
def test_line_and_column_follow_from_the_offset(text):
    for _, span in nodes(hinted(text).root):
        assert span.start == position(text, span.start.offset)
        assert span.end == position(text, span.end.offset)


@pytest.mark.skipif(FAST is None, reason="no parser in C is installed")
def test_both_parsers_give_the_same_documents(monkeypatch):
    texts = [text for text, *_ in PLACES]
    monkeypatch.setattr(reader, "_fast_parser", lambda: FAST)
    fast = {text: hinted(text) for text in texts}
    monkeypatch.setattr(reader, "_fast_parser", lambda: None)
    assert {text: hinted(text) for text in texts} == fast


@pytest.mark.parametrize(
    ("text", "style", "verbatim"),
    [
        ("b c", "plain", True),
        ("b\n  c", "plain", False),
        ("'b'", "single", True),
        ("'it''s'", "single", False),
        ('"b"', "double", True),
        ('"b\\n"', "double", False),
        ('"b\n  c"', "double", False),
        ("|\n  b", "literal", False),
        (">-\n  b", "folded", False),
    ],
)
def test_a_value_says_whether_it_stands_character_by_character(text, style, verbatim):
    node = clean(f"a: {text}\n").root.get("a")
    assert (node.style, node.verbatim) == (style, verbatim)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("FALSE", False),
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None),
        ("tRUE", "tRUE"), ("nULL", "nULL"), ("truex", "truex"),
        *((word, word) for word in ("yes", "no", "on", "off", "Yes", "NO", "y", "n", "On")),
        ("0", 0), ("-0", 0), ("+7", 7), ("-7", -7), ("0777", 777), ("0o17", 15), ("0x1F", 31),
        ("0o8", "0o8"), ("0b11", "0b11"), ("-0x1F", "-0x1F"), ("0x", "0x"), ("1_000", "1_000"),
        ("9223372036854775807", 2**63 - 1), ("-9223372036854775808", -(2**63)),
        ("1.5", 1.5), ("1.", 1.0), (".5", 0.5), ("-.5", -0.5), ("1e3", 1000.0), ("1E+3", 1000.0),
        ("1.10", 1.1), ("5e-324", 5e-324), (".", "."), ("1e", "1e"), ("1.2.3", "1.2.3"),
        ("+", "+"), ("-a", "-a"), ("1 000", "1 000"), ("٣", "٣"),
        ("2024-01-01", "2024-01-01"), ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("22:22", "22:22"), ("12:30:45", "12:30:45"), ("1h30m", "1h30m"), ("=", "="),
        (".infx", ".infx"), ("-.nan", "-.nan"), ("inf", "inf"), ("NaN", "NaN"),
        ("x#y", "x#y"), ("a:b", "a:b"), ("http://x/?y=z", "http://x/?y=z"), ("a, b", "a, b"),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_the_core_schema_says(text, value):
    found = hinted(f"a: {text}\nb: 1\n", *SAID).root.get("a").value
    assert (found, type(found)) == (value, type(value))


def test_minus_zero_keeps_its_sign():
    assert math.copysign(1, clean("a: -0.0\n").root.get("a").value) == -1


@pytest.mark.parametrize("text", ["true", "null", "1", "1.5", "0x1F", "~", "", ".inf", "<<"])
def test_what_is_quoted_is_a_string(text):
    assert to_json(clean(f"a: '{text}'\nb: \"{text}\"\n").root) == {"a": text, "b": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'a\n\n  b'", "a\nb"),
        ('"\\x41\\u00e9\\U0001F600\\t\\/"', "Aé😀\t/"),
        ('"a\\\n  b"', "ab"),
        ("|\n  a\n   b\n", "a\n b\n"),
        ("|-\n  a\n", "a"),
        ("|+\n  a\n", "a\n\n"),
        (">\n  a\n  b\n\n  c\n", "a b\nc\n"),
        ("|\n  # no comment\n", "# no comment\n"),
        ("|\n  %no directive\n", "%no directive\n"),
    ],
)
def test_texts_of_several_lines_and_with_escapes(text, value):
    assert clean(f"a: {text}\n").root.get("a").value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, -2.5e3, true, false, null, "", {}, []]}', [1, -2500.0, True, False, None, "",
                                                              {}, []]),
        ('{"a": "\\"\\\\\\/\\n\\r\\t\\u00e9"}', '"\\/\n\r\té'),
        ('{"a": "x \\ud83d\\ude00 y"}', "x 😀 y"),
        ('{"a": "\\uD83D\\uDE00\\ud83d\\ude00"}', "😀😀"),
        ('{"a": "\\\\\\ud83d\\ude00"}', "\\😀"),
        ('\n {"a": "\\ud83d\\ude00"}', "😀"),
        ('{"a": {"\\ud83d\\ude00": "\\ud83d\\ude00"}}', {"😀": "😀"}),
        ('{"a": "\\\\ud83d\\\\ude00"}', "\\ud83d\\ude00"),
        ('{"a":\n"b"}', "b"),
    ],
)  # fmt: skip
def test_json_is_read_as_json(text, value):
    assert to_json(clean(text).root) == {"a": value}


@pytest.mark.parametrize("text", ['{"a": "\\ud83d"}', '{"a": "\\ude00\\ud83d"}', 'a: "\\ud800"'])
def test_a_lone_surrogate_is_refused_and_goes_no_further(text):
    document, findings = read_text(text)
    assert findings[0].code in {"DN1001", "DN1002"}
    for node in walk(document.root) if document else ():
        assert str(getattr(node, "value", "")).isascii() or "\ufffd" in node.value


def one(text):
    """Return the document and the only finding of a text."""
    document, findings = read_text(text)
    assert [finding.severity for finding in findings] == [Severity.ERROR]
    return document, findings[0]


@pytest.mark.parametrize(
    ("text", "first", "second", "value"),
    [
        ("a: 1\nb: 2\na: 3\n", "1:1-1:2", "3:1-3:2", {"a": 1, "b": 2}),
        ("x: {a: 1, a: 2}\n", "1:5-1:6", "1:11-1:12", {"x": {"a": 1}}),
        ('{"a": 1, "a": {"b": 1}}', "1:2-1:5", "1:10-1:13", {"a": 1}),
        ("a: 1\n'a': 2\n", "1:1-1:2", "2:1-2:4", {"a": 1}),
        ('{"\\u0061": 1,\n"a": 2}', "1:2-1:10", "2:1-2:4", {"a": 1}),
        ("- a: 1\n  a: 1\n- a: 1\n", "1:3-1:4", "2:3-2:4", [{"a": 1}, {"a": 1}]),
        ("&x a: 1\n*x : 2\n", "1:4-1:5", "2:1-2:3", {"a": 1}),
    ],
)
def test_a_key_twice_is_refused_with_both_places(text, first, second, value):
    document, finding = one(text)
    assert (finding.code, shown(finding.span)) == ("DN1003", second)
    assert "`a` is defined twice" in finding.message
    assert [(shown(label.span), label.message) for label in finding.labels] == [
        (first, "first defined here")
    ]
    assert to_json(document.root) == value


def test_a_key_thrice_points_back_to_the_first_each_time():
    _, findings = read_text("a: 1\na: 2\na: 3\n")
    assert [finding.labels[0].span.start.line for finding in findings] == [1, 1]


@pytest.mark.parametrize("key", ["1", "1.5", "true", "null", "~", "0x1F", "-1"])
def test_a_key_that_is_no_string_is_quoted_by_its_fix(key):
    text = f"a: {{b: 1}}\n{key}: c\n"
    document, finding = one(text)
    assert (finding.code, part(text, finding.span)) == ("DN1004", key)
    assert finding.message == f"the key `{key}` is not a string"
    (fix,) = finding.fixes
    assert fix.applicability == "safe"
    assert to_json(clean(apply(text, fix)).root) == {"a": {"b": 1}, key: "c"}
    assert to_json(document.root) == {"a": {"b": 1}, key: "c"}


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "value"),
    [
        ("[a]: b\nc: 1\n", "DN1004", "1:1-1:4", "a key is a string, not a list", {"c": 1}),
        ("? {a: 1}\n: b\nc: 1\n", "DN1004", "1:3-1:9", "a key is a string", {"c": 1}),
        ("? \n: b\n", "DN1004", "1:2-1:2", "the key is missing", {}),
        ("a: !x b\n", "DN1005", "1:4-1:8", "the tag `!x` is not part of", {"a": "b"}),
        ("a: !!str 1\n", "DN1005", "1:4-1:11", "the tag `!!str`", {"a": 1}),
        ("a: !<x:y> 1\n", "DN1005", "1:4-1:12", "the tag `x:y`", {"a": 1}),
        ("a: ! 1\n", "DN1005", "1:4-1:7", "the tag `!`", {"a": 1}),
        ("a: !!map {b: 1}\n", "DN1005", None, "the tag `!!map`", {"a": {"b": 1}}),
        ("a: !!set\n  - 1\n", "DN1005", None, "the tag `!!set`", {"a": [1]}),
        ("when: !done\n", "DN1013", "1:7-1:12", "`!` begins a tag here", {"when": None}),
        ("a: {b: 1}\n<<: [1, {c: 2}]\n", "DN1007", "2:1-2:3", "`<<` merges mappings",
         {"a": {"b": 1}, "c": 2}),
        ("a: {<<: 1, c: 2}\n", "DN1007", "1:5-1:7", "`<<` merges mappings", {"a": {"c": 2}}),
        ("a: *x\n", "DN1006", "1:4-1:6", "the anchor `x` is not defined", None),
        ("a: *x\nb: &x 1\n", "DN1006", "1:4-1:6", "the anchor `x` is not defined", None),
        ("a: &x [1, *x]\n", "DN1006", "1:11-1:13", "the anchor `x` stands inside itself", None),
        ("a: &x {b: {c: *x}}\n", "DN1006", "1:15-1:17", "stands inside itself", None),
        ("&x a: *y\n", "DN1006", "1:7-1:9", "the anchor `y` is not defined", None),
        ("--- a\n--- b\n", "DN1008", "2:1-2:4", "a second document begins here", None),
        ("a: 1\n---\nb: 2\n", "DN1008", "2:1-2:4", "a second document begins here", None),
        ("", "DN1009", "1:1-1:1", "the document is empty", None),
        (" \n\n", "DN1009", "1:1-1:1", "the document is empty", None),
        ("# a\n", "DN1009", "1:1-1:1", "the document is empty", None),
        (f"{BOM}\n", "DN1009", "1:1-1:1", "the document is empty", None),
        ("---\n", "DN1009", "1:1-1:1", "the document is empty", None),
        ("~\n", "DN1009", "1:1-1:1", "the document is empty", None),
        ("a: .inf\n", "DN1010", "1:4-1:8", "`.inf` has no JSON value", {"a": None}),
        ("a: -.Inf\n", "DN1010", "1:4-1:9", "`-.Inf` has no JSON value", {"a": None}),
        ("a: .NaN\n", "DN1010", "1:4-1:8", "`.NaN` has no JSON value", {"a": None}),
        ("a: 1e400\n", "DN1010", "1:4-1:9", "the number `1e400` is too large", {"a": None}),
        ("a: 9223372036854775808\n", "DN1010", "1:4-1:23", "`9223372036854775808` does not fit",
         {"a": None}),
        ("a: 0x8000000000000000\n", "DN1010", "1:4-1:22", "does not fit in 64 bits", {"a": None}),
        ("a: b\x07\n", "DN1002", "1:5-1:6", "the character U+0007 is not allowed", None),
        ("a: b\n\x00", "DN1002", "2:1-2:2", "the character U+0000 is not allowed", None),
        ("a: \ud800\n", "DN1002", "1:4-1:5", "the character U+D800 is not allowed", None),
        ("a: b\u2028c\n", "DN1002", "1:5-1:6", "the character U+2028 is not allowed", None),
        ('{"a": "b\x85c"}', "DN1002", "1:9-1:10", "the character U+0085 is not allowed", None),
        ('a: "b\\0"\n', "DN1002", "1:4-1:9", "the character U+0000", {"a": "b\ufffd"}),
        ('"a\\e": 1\n', "DN1002", "1:1-1:6", "the character U+001B", {"a\ufffd": 1}),
    ],
)  # fmt: skip
def test_what_yaml_has_and_the_language_has_not(text, code, place, message, value):
    document, finding = one(text)
    assert finding.code == code
    assert place is None or shown(finding.span) == place
    assert message in finding.message
    assert finding.help
    assert (to_json(document.root) if document else None) == value


@pytest.mark.parametrize("code", ["0085", "2028", "2029"])
def test_a_foreign_line_break_can_be_written_as_an_escape(code):
    _, finding = one(f"a: b{chr(int(code, 16))}c\n")
    escape = f'"\\u{code}"'
    assert finding.help.endswith(escape)
    assert clean(f"a: {escape}\n").root.get("a").value == chr(int(code, 16))


@pytest.mark.parametrize(
    ("text", "code", "place", "message", "help_"),
    [
        ("a:\n\tb: 1\n", "DN1017", "2:1-2:2", "a tab cannot indent", "indent with spaces"),
        ("a:\n\t- b\n", "DN1017", "2:1-2:2", "a tab cannot indent", "spaces"),
        ("\ta: 1\n", "DN1017", "1:1-1:2", "a tab cannot indent", "spaces"),
        ("a: b\n\tc\n", "DN1017", "2:1-2:2", "a tab cannot indent", "spaces"),
        ("a: 1\n\tb: 2\n", "DN1017", "2:1-2:2", "a tab cannot indent", "spaces"),
        ("a: |\n\tb\n", "DN1017", "2:1-2:2", "a tab cannot indent", "spaces"),
        ("a: @b\n", "DN1013", "1:4-1:5", "`@` cannot begin a value", "quote"),
        ("a: `b`\n", "DN1013", "1:4-1:5", "a backtick cannot begin a value", "quote"),
        ("a: %b\n", "DN1013", "1:4-1:5", "`%` cannot begin a value", "quote"),
        ("a: 'b\nc: d\n", "DN1014", "1:4-1:5", "the quote is never closed", "the same quote"),
        ('a: "b\nc: d\n', "DN1014", "1:4-1:5", "the quote is never closed", "the same quote"),
        ("a: 'b\n---\n'\n", "DN1014", "1:4-1:5", "the quote is never closed", "the same quote"),
        ("a: [b, c\nd: e\n", "DN1016", "1:4-1:5", "`[` is never closed", "`]`"),
        ("a: {b: c\nd: e\n", "DN1016", "1:4-1:5", "`{` is never closed", "`}`"),
        ("a: {b: c]\n", "DN1016", "1:4-1:5", "`{` is never closed", "`}`"),
        ('{"a": 1', "DN1016", "1:1-1:2", "`{` is never closed", "`}`"),
        ('\ufeff{"a": 1', "DN1016", "1:1-1:2", "`{` is never closed", "`}`"),
        ("a: b: c\n", "DN1015", "1:5-1:6", "`:` cannot stand here", "quote"),
        ("a: ${{ b ? 1 : 2 }}\n", "DN1015", "1:14-1:15", "`:` cannot stand here", "quote"),
        (
            "a: 1\n  b: 2\n",
            "DN1017",
            "2:3-2:4",
            "this line begins further right than the line above it",
            "indent it like the lines that it belongs to",
        ),
        (
            "a:1\nb: 2\n",
            "DN1019",
            "1:2-1:3",
            "a blank is missing behind this `:`",
            "write `key: value`",
        ),
        ('a: "\\q"\n', "DN1001", "1:5-1:7", "YAML has no such escape", "double the backslash"),
        ('a: "\\u12"\n', "DN1001", "1:5-1:7", "YAML has no such escape", "double the backslash"),
        (
            '{"a": "\\ud83d\\ude00", "b": "\\q"}',
            "DN1001",
            "1:29-1:31",
            "YAML has no such escape",
            "double",
        ),
        (
            "a:\n    b: 1\n  c: 2\n",
            "DN1017",
            "3:3-3:4",
            "this line begins neither below nor beside the line above it",
            "indent",
        ),
        ("a: 1\n- b\n", "DN1001", "2:1-2:2", "a key belongs here", "indent"),
        ("a: 'b' c\n", "DN1014", "1:8-1:9", "a text goes on behind its closing quote", "quote"),
        ("- a\nb: 1\n", "DN1001", "2:1-2:2", "a list item belongs here", "`- `"),
        ("a: - b\n", "DN1001", "1:4-1:5", "`-` cannot stand here", "new line"),
        ("a: 1\nb\nc: 2\n", "DN1001", "2:1-2:2", "the key has no `:`", "`key: value`"),
        ("a: |\n b\nc\n", "DN1001", "3:1-3:2", "the key has no `:`", "`key: value`"),
        ("a: &\n", "DN1013", "1:4-1:5", "`&` begins an anchor here", "quote the value"),
        ("*\n", "DN1013", "1:1-1:2", "`*` begins an alias here", "quote the value"),
        ("{a: !b}\n", "DN1013", "1:5-1:6", "`!` cannot begin a value", "quote"),
        ("a: ]\n", "DN1016", "1:4-1:5", "`]` closes nothing", "remove it"),
        ("a: [1,, 2]\n", "DN1013", "1:7-1:8", "`", "quote the value"),
        (
            "a: |x\n",
            "DN1013",
            "1:4-1:5",
            "a block of text begins here",
            "quote the value if the sign belongs to it",
        ),
        (
            '{"a": 1} {"b": 2}',
            "DN1001",
            "1:10-1:11",
            "the document has ended before this",
            "indent",
        ),
        ("%YAML 1.2\n---\na: 1\n", "DN1001", "1:1-1:10", "a line cannot begin with `%`", "remove"),
        ("# a\r\n%TAG ! b\r\n---\n", "DN1001", "2:1-2:9", "a line cannot begin with `%`", "remove"),
        ("\ufeff%YAML 1.1\n---\n", "DN1001", "1:1-1:10", "a line cannot begin with `%`", "remove"),
        ("a: 1\n%YAML 1.2\n", "DN1001", "2:1-2:10", "a line cannot begin with `%`", "indent"),
    ],
)
def test_broken_syntax(text, code, place, message, help_):
    document, finding = one(text)
    assert document is None
    assert (finding.code, shown(finding.span)) == (code, place)
    assert finding.message.startswith(message)
    assert help_ in finding.help


@pytest.mark.parametrize(
    ("text", "stopped"),
    [
        ("a: [b, c\nd: e\n", "2:2-2:3"),
        ("a: 'b\nc: d\n", "3:1-3:1"),
        ("a: 1\nb\nc: 2\n", "3:1-3:2"),
    ],
)
def test_what_is_never_closed_says_where_reading_stopped(text, stopped):
    (label,) = one(text)[1].labels
    assert (shown(label.span), label.message) == (stopped, "reading stopped here")


@pytest.mark.skipif(FAST is None, reason="no parser in C is installed")
@pytest.mark.parametrize("text", ["a: {b: http://c}\nd: @e\n", "a:\tb\nd: @e\n"])
def test_where_one_parser_stops_too_early_the_other_finds_the_mistake(text, monkeypatch):
    monkeypatch.setattr(reader, "_fast_parser", lambda: FAST)
    _, finding = one(text)
    assert (finding.message, shown(finding.span)) == ("`@` cannot begin a value", "2:4-2:5")


def test_what_is_found_before_the_text_breaks_off_is_said_once():
    _, findings = read_text("a: 1\na: 2\nb: !x 1\nc: @d\n")
    assert [finding.code for finding in findings] == ["DN1003", "DN1005", "DN1013"]


def test_aliases_give_the_value_of_their_anchor_as_it_is_then():
    document = clean("a: &x [1]\nb: *x\nc: &x {d: 2}\ne: [*x]\n")
    assert to_json(document.root) == {"a": [1], "b": [1], "c": {"d": 2}, "e": [{"d": 2}]}


def test_aliased_nodes_are_shared_not_copied():
    root = clean("a: &x [1]\nb: *x\n").root
    assert root.get("a") is root.get("b")


@pytest.mark.parametrize("levels", [6, 50])
def test_a_bomb_of_aliases_is_refused_without_being_blown_up(levels):
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, levels)
    )
    document, finding = one(bomb)
    assert (document, finding.code) == (None, "DN1027")
    assert f", more than {reader.REPEATED_MAX}" in finding.message


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a", 1),
        ("[1, 2]", 3),
        ("{a: 1, b: 2}", 5),
        ("[&x [1, 2], *x, *x]", 10),
        ("[&x a, {*x : *x}]", 5),
    ],
)
def test_nodes_are_counted_with_aliases_expanded(text, count, monkeypatch):
    monkeypatch.setattr(reader, "NODES_MAX", count)
    clean(text)
    monkeypatch.setattr(reader, "NODES_MAX", count - 1)
    assert one(text)[1].code == "DN1011"


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        lambda n: "[" * n + "]" * n,
        lambda n: '{"a": ' * (n - 1) + "1" + "}" * (n - 1),
        lambda n: "- " * (n - 1) + "a",
        lambda n: "".join(f"{' ' * i}a:\n" for i in range(n - 1)),
        lambda n: f"- &x {'[' * (n - 1)}{']' * (n - 1)}\n- *x",
        lambda n: f"- &x {'[' * (n - 2)}{']' * (n - 2)}\n- [*x]",
        lambda n: f"- &x {'{a: ' * (n - 3)}1{'}' * (n - 3)}\n- {{b: *x}}",
    ],
)
def test_levels_are_counted_through_aliases(form):
    clean(form(reader.DEPTH_MAX))
    for depth in (reader.DEPTH_MAX + 1, 1_000):
        _, finding = one(form(depth))
        assert finding.code == "DN1011"
        assert finding.message == f"the document is nested deeper than {reader.DEPTH_MAX} levels"


@pytest.mark.slow
def test_a_document_may_have_so_many_bytes_and_no_more():
    fits = "a: b\n" + "# é\n" * ((characters.TEXT_BYTES_MAX - 5) // 5)
    fits += "#" * ((characters.TEXT_BYTES_MAX - 5) % 5)
    assert len(fits.encode()) == characters.TEXT_BYTES_MAX
    assert clean(fits).root.get("a").value == "b"
    document, finding = one(fits + "x")
    assert (document, finding.code) == (None, "DN1011")
    assert str(characters.TEXT_BYTES_MAX + 1) in finding.message


@pytest.mark.parametrize("number", ["9" * 100_000, "9" * 100_000 + ".5"])
def test_a_message_does_not_repeat_a_long_number(number):
    _, finding = one(f"a: {number}\n")
    assert finding.code == "DN1010"
    assert len(finding.message) < 200


def test_several_mistakes_are_all_found_in_their_order():
    _, findings = read_text("a: !x 1\n1: {b: 1, b: 2}\n<<: 3\nc: .nan\n")
    assert [(f.code, f.span.start.line) for f in findings] == [
        ("DN1005", 1), ("DN1004", 2), ("DN1003", 2), ("DN1007", 3), ("DN1010", 4),
    ]  # fmt: skip


def test_a_finding_without_a_place_stands_at_the_beginning():
    assert one("")[1].span.start == Position(0, 1, 1)


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (["a", "b", 1], 2, None),
        (["a", "b"], [1, 2], "b"),
        (["a", "b", 9], [1, 2], "b"),
        (["a", "x", "y"], {"b": [1, 2]}, "a"),
        ([], {"a": {"b": [1, 2]}}, None),
    ],
)
def test_a_path_is_followed_as_far_as_it_goes(path, value, key):
    node, entry = locate(clean("a: {b: [1, 2]}\n").root, path)
    assert to_json(node) == value
    assert (entry.key if entry else None) == key


def test_walking_goes_through_a_document_in_its_order():
    root = clean("a: [1, {b: 2}]\nc: 3\n").root
    scalars = [node.value for node in walk(root) if hasattr(node, "value")]
    assert scalars == [1, 2, 3]
    assert sum(isinstance(node, Sequence) for node in walk(root)) == 1
