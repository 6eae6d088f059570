"""What authors write by habit from elsewhere: each is named, at its exact range, with a way out."""

import pytest

from dagnats.diagnostics.diagnostic import Position, Sink, Span
from dagnats.expr.syntax.parser import Origin, parse_expression

START = Position(0, 1, 1)
ORIGIN = Origin(START, Span(START, START), verbatim=True)

# The text, with the range that is marked between « and »; the message; a part of the help.
WORDS = [
    ("a «and» b", "`and` is no operator", "`&&`"),
    ("a «or» b", "`or` is no operator", "`||`"),
    ("«not» a", "`not` is no operator", "`!`"),
    ("a «not» in b", "`not` is no operator", "`!(a in b)`"),
    ("a «is» b", "`is` is no operator", "`==`"),
    ("a «contains» b", "`contains` is no operator", "value in list"),
    ("x «if» y else z", "`if` is no operator", "condition ? one : other"),
    ("«if» a then b else c", "`if` is no operator", "condition ? one : other"),
    ("«if» (a) b else c", "`if` is no operator", "condition ? one : other"),
    ("«if»(a, b)", "`if` is a reserved word", "condition ? one : other"),
    ("«lambda» x: x", "`lambda` is no operator", "list.map"),
    ("[x «for» x in xs]", "`for` is no operator", "list.map"),
    ("«let» x = 1", "`let` is no operator", "cel.bind"),
    ("«while» + 1", "`while` is a reserved word", "another name"),
    (".«as»", "`as` is a reserved word", "another name"),
    ("«import»(1)", "`import` is a reserved word", "another name"),
    ("a.map(x, «var»)", "`var` is a reserved word", "cel.bind"),
]
SIGNS = [
    ("a «=» b", "`=` is no operator", "`==`"),
    ("a «===» b", "`===` is no operator", "`==`"),
    ("a «!==» b", "`!==` is no operator", "`!=`"),
    ("a «<>» b", "`<>` is no operator", "`!=`"),
    ("a «&» b", "`&` is no operator", "`&&`"),
    ("a «|» b", "`|` is no operator", "`||`"),
    ("a «**» b", "`**` is no operator", "power"),
    ("a «??» b", "`??` is no operator", "orValue"),
    ("a «?:» b", "`?:` is no operator", "orValue"),
    ("a«?.»b", "`?.` is no operator", "`.?`"),
    ("f(a«?.»b.c)", "`?.` is no operator", "`.?`"),
    ("x.map(x «=>» x.y)", "`=>` is no operator", "list.map"),
    ("a«->»b", "`->` is no operator", "`.`"),
    ("a«::»b", "`::` is no operator", "`.`"),
    ("a«++»", "`++` is no operator", "`+ 1`"),
    ("a «≥» b", "`≥` is no operator", "`>=`"),
    ("a «?» b", "the `?` has no `:`", "condition ? one : other"),
    ("(a «?» b)", "the `?` has no `:`", "condition ? one : other"),
    ("«&&» a", "`&&` cannot stand here", "a value"),
    ("!«-»a", "`-` cannot stand here", "a value"),
]
STRINGS = [
    ("a == «“»abc”", "`“` is no quote here", "`\"` or `'`"),
    ("a == «'abc»", "the string is never closed", "end it with `'`"),
    ('a == «"""abc"»', "the string is never closed", '`"""`'),
    ("«br'abc»", "the string is never closed", "end it with `'`"),
    ("a == «'abc»\n'", "the string is not closed on its line", "`'''`"),
    ('«f»"a {b}"', "`f` is no prefix of a string", "string(value)"),
    ('«rb»"x"', "`rb` is no prefix of a string", "`br`"),
    ("«u»'x'", "`u` is no prefix of a string", "leave it out"),
    (r'"«\q»"', r"there is no escape `\q`", "backslash"),
    (r'"ab«\9»"', r"there is no escape `\9`", "three digits"),
    (r'"«\8»00"', r"there is no escape `\8`", "three digits"),
    (r'"«\4»00"', r"there is no escape `\4`", "three digits"),
    (r'"«\u»12"', r"there is no escape `\u`", "four hexadecimal digits"),
    (r'"«\x»1"', r"there is no escape `\x`", "two hexadecimal digits"),
    (r'"«\ud800»"', r"`\ud800` names no character", "character itself"),
    (r'"«\U00110000»"', r"`\U00110000` names no character", "character itself"),
    (r'b"«\u0041»"', r"bytes have no escape `\u0041`", r"`\x`"),
    (r'b"«\U00000041»"', r"bytes have no escape `\U00000041`", r"`\x`"),
    ("'a«\ud800»'", "U+D800 is half a character", "whole character"),
    ("b'a«\udfff»'", "U+DFFF is half a character", "whole character"),
]
NUMBERS = [
    ("a > «10min»", "`10min` is no number", "duration('10m')"),
    ("«5d»", "`5d` is no number", "duration('24h')"),
    ("«1_000»", "`1_000` is no number", "write `1000`"),
    ("«1.» + 2", "`1.` is no number", "`1.0`"),
    ("«1.»", "`1.` is no number", "`1.0`"),
    ("«1.2.3»", "`1.2.3` is no number", "quotes"),
    ("«0X1F»", "`0X1F` is no number", "`0x1f`"),
    ("«0b11»", "`0b11` is no number", "decimal and hexadecimal"),
    ("a«.0»", "an element is taken with brackets", "`[0]`"),
    ("a[0]«.1»", "an element is taken with brackets", "`[1]`"),
    (
        "«9223372036854775808»",
        "the integer `9223372036854775808` does not fit in 64 bits",
        "double",
    ),
    ("«9223372036854775808»", "the integer `9223372036854775808` does not fit in 64 bits", "08u`"),
    ("«-9223372036854775809»", "the integer `-9223372036854775809` does not fit in 64 bits", ".0`"),
    (
        "«18446744073709551616u»",
        "the integer `18446744073709551616u` does not fit in 64 bits",
        "5u`",
    ),
    ("«1e999»", "the number is too large for a double", "1.8e308"),
    ("«" + "1" * 500 + "»", "the number is too long", "fewer"),
]
BRACKETS = [
    ("«(»a + b", "`(` is never closed", "add `)`"),
    ("a + «[»1, 2", "`[` is never closed", "add `]`"),
    ("f('(' + «(»a", "`(` is never closed", "add `)`"),
    ("(a«]»", "`(` is not closed by `]`", "add `)` before it"),
    ("a«)»", "`)` closes nothing", "remove it"),
    ("f(a«,»)", "the last comma is one too many", "remove it"),
    ("[1,«,»2]", "`,` cannot stand here", "a value"),
    ("(«)»", "`)` cannot stand here", "a value"),
    ("a[«]»", "`]` cannot stand here", "a value"),
    ("{1«,» 2}", "a map has a value for each key", "`[…]`"),
    ("{a«}»", "a map has a value for each key", "`{key: value}`"),
    ("a[1«:»2]", "there are no slices in brackets", "list.slice"),
    ("a«,» b", "`,` cannot stand here", "list"),
    ("a «b»", "`b` cannot stand here", "an operator"),
    ('"a" «"b"»', '`"b"` cannot stand here', "an operator"),
    ("«a.b.C{f: 1}»", "`a.b.C{…}` would make a message, and JSON has no message types", "a map"),
    ("«.C{?`f`: 1,}»", "`.C{…}` would make a message, and JSON has no message types", "a map"),
    ("1 + «a{}»", "`a{…}` would make a message, and JSON has no message types", "a map"),
    ("a[0]«{»}", "`{` cannot stand here", "an operator"),
    ("(a)«{»}", "`{` cannot stand here", "an operator"),
]
NAMES = [
    ("a.«in»", "`in` is a word of the language, not a field", '`["in"]`'),
    ("a.?«true».b", "`true` is a word of the language, not a field", '`["true"]`'),
    ("«in» [1]", "`in` stands between a value and a list", "value in list"),
    ("«größe» > 1", "names have only letters a to z, digits and `_`", '`["größe"]`'),
    ("a.«größe»", "names have only letters a to z, digits and `_`", '`["größe"]`'),
    ('a.«"b"»', "a field is named without quotes", '`["b"]`'),
    ("«`a`»", "backticks are for names of fields", "after a dot"),
    (
        "a.«`b:c`»",
        "in backticks are only letters a to z, digits, `_`, `.`, `-`, `/` and blanks",
        "b:c",
    ),
    ("a.«`b»", "the name is never closed", "backtick"),
    ("a.«?»", "the expression ends where a name is missing", "a name"),
    ("a«.»", "the expression ends where a name is missing", "a name"),
    ("«$»input.x", "`$` has no meaning in an expression", "input.name"),
    ("«${{» a }}", "`${{` has no meaning inside an expression", "leave out"),
    ("a + «${{» b }}", "`${{` has no meaning inside an expression", "leave out"),
    ("«{{» a }}", "`{{` begins a map inside a map", "leave out"),
    ("a «#» note", "`#` begins no comment", "`//`"),
    ("a«;» b", "`;` separates nothing", "cel.bind"),
    ("a «@» b", "`@` has no meaning in an expression", "leave it out"),
    ("a«\u00a0»+ b", "the character U+00A0 has no meaning in an expression", "plain blank"),
    ("a«\x00»", "the character U+0000 has no meaning in an expression", "remove it"),
    ("«»", "the expression is empty", "input.name"),
    ("«// nothing»", "the expression is empty", "input.name"),
    ("a «+»", "the expression ends where a value is missing", "a value"),
    ("a &«&»", "the expression ends where a value is missing", "a value"),
]
MACROS = [
    ("«has(a)»", "`has` takes one field to look for", "has(value.field)"),
    ("«has()»", "`has` takes one field to look for", "has(value.field)"),
    ("«has(a.b, c)»", "`has` takes one field to look for", "has(value.field)"),
    ("«has(a.?b)»", "`has` takes one field to look for", "has(value.field)"),
    ("«has(a['b'])»", "`has` takes one field to look for", "has(value.field)"),
    ("a.all(«1», b)", "the first argument of `all` is a new name", "`.all(x, …)`"),
    ("a.map(«.x», b)", "the first argument of `map` is a new name", "`.map(x, …)`"),
    ("a.map(«x.y», b)", "the first argument of `map` is a new name", "`.map(x, …)`"),
    ("a.all(x, «1», b)", "the second argument of `all` is a new name", "`.all(i, x, …)`"),
    ("a.optMap(«'x'», b)", "the first argument of `optMap` is a new name", "`.optMap(x, …)`"),
    ("a.all(x, «x», b)", "`all` names both of its variables `x`", "another name"),
    (
        "a.all(«__result__», b)",
        "the first argument of `all` cannot be `__result__`, which CEL keeps for itself",
        "another name",
    ),
    (
        "cel.bind(«1», a, b)",
        "the first argument of `cel.bind` is a new name",
        "cel.bind(x, value, …)",
    ),
    ("1 + «cel.index(0)»", "`cel.index(0)` stands outside a `cel.block`", "cel.bind"),
    (
        "cel.block([1, «cel.index(1)»], 2)",
        "`cel.index(1)` refers to no value before it",
        "there are 1",
    ),
    (
        "cel.block([1], «cel.index(1)»)",
        "`cel.index(1)` refers to no value before it",
        "there are 1",
    ),
    ("cel.index(«-1»)", "`cel.index` takes plain numbers from 0", "`cel.index(0)`"),
    ("cel.iterVar(0, «a»)", "`cel.iterVar` takes plain numbers from 0", "`cel.iterVar(0, 0)`"),
    (
        "cel.block(«a», 2)",
        "the first argument of `cel.block` is a list of the values to share",
        "[…",
    ),
    (
        "cel.block(«[?a]», 2)",
        "the first argument of `cel.block` is a list of the values to share",
        "[",
    ),
]


@pytest.mark.parametrize(
    ("text", "message", "help_"),
    [*WORDS, *SIGNS, *STRINGS, *NUMBERS, *BRACKETS, *NAMES, *MACROS],
)
def test_a_mistake_is_named_at_its_place_with_what_to_write(text, message, help_):
    before, marked, after = text.replace("»", "«").split("«")
    sink = Sink()
    assert parse_expression(before + marked + after, ORIGIN, sink) is None
    (found,) = sink.sorted()
    assert found.code == "DN4001"
    assert found.message == message
    assert help_ in found.help
    where = (found.span.start.offset, found.span.end.offset)
    assert where == (len(before), len(before) + len(marked))
