"""What the guide to expressions has from the code: the table of functions, with an example each."""

import json
from collections.abc import Iterable
from typing import Any

from dagnats import expr
from dagnats.expr.library import (
    encoders,
    formatting,
    lists,
    network,
    numbers,
    optionals,
    patterns,
    sets,
    standard,
    texts,
    times,
)
from dagnats.expr.program import evaluate
from dagnats.expr.signatures import Function, Overload

GROUPS: tuple[tuple[str, tuple[Function, ...]], ...] = (
    ("Basics and conversions", standard.FUNCTIONS),
    ("Times", times.FUNCTIONS),
    ("Optionals", optionals.FUNCTIONS),
    ("Strings", (*texts.FUNCTIONS, *formatting.FUNCTIONS)),
    ("Regular expressions", patterns.FUNCTIONS),
    ("Math", numbers.FUNCTIONS),
    ("Lists", lists.FUNCTIONS),
    ("Sets", sets.FUNCTIONS),
    ("Encoders", encoders.FUNCTIONS),
    ("Network", network.FUNCTIONS),
)
T = "timestamp('2026-11-24T10:30:15.250Z')"
EXAMPLES: dict[str, tuple[str, ...]] = {
    "size": ("size('größe')", "[1, 2].size()"),
    "bool": ("bool('true')",),
    "bytes": ("bytes('é')",),
    "double": ("double('1.5')", "double(2)"),
    "duration": ("duration('1h30m')",),
    "dyn": ("dyn(1) == 'a'",),
    "int": ("int('42')", "int(-2.9)", "int(timestamp('1970-01-01T00:01:00Z'))"),
    "string": ("string(1.5)", "string(b'abc')", "string(duration('90s'))"),
    "timestamp": ("timestamp('2026-01-01T00:00:00+01:00')", "timestamp(60)"),
    "type": ("type([1])",),
    "uint": ("uint(7)",),
    "getDate": (f"{T}.getDate()",),
    "getDayOfMonth": (f"{T}.getDayOfMonth()",),
    "getDayOfWeek": (f"{T}.getDayOfWeek()",),
    "getDayOfYear": (f"{T}.getDayOfYear()",),
    "getFullYear": (f"{T}.getFullYear()",),
    "getHours": (f"{T}.getHours('+05:30')", "duration('90m').getHours()"),
    "getMilliseconds": (f"{T}.getMilliseconds()",),
    "getMinutes": (f"{T}.getMinutes()", "duration('90m').getMinutes()"),
    "getMonth": (f"{T}.getMonth()",),
    "getSeconds": (f"{T}.getSeconds()", "duration('90m').getSeconds()"),
    "optional.none": ("optional.none().hasValue()",),
    "optional.of": ("optional.of(1).value()",),
    "optional.ofNonZeroValue": ("optional.ofNonZeroValue(0).orValue(7)",),
    "optional.unwrap": ("optional.unwrap([optional.of(1), optional.none()])",),
    "unwrapOpt": ("[optional.of(1), optional.none()].unwrapOpt()",),
    "hasValue": ("optional.of(1).hasValue()",),
    "value": ("optional.of('a').value()",),
    "or": ("optional.none().or(optional.of(2)).value()",),
    "orValue": ("{'a': 1}.?b.orValue(0)",),
    "contains": ("'workflow'.contains('flow')",),
    "startsWith": ("'workflow'.startsWith('work')",),
    "endsWith": ("'workflow'.endsWith('flow')",),
    "lowerAscii": ("'TacoCat'.lowerAscii()",),
    "upperAscii": ("'TacoCat'.upperAscii()",),
    "trim": ("'  a b\\n'.trim()",),
    "charAt": ("'abc'.charAt(1)",),
    "indexOf": ("'hello'.indexOf('l')", "'hello'.indexOf('l', 3)"),
    "lastIndexOf": ("'hello'.lastIndexOf('l')",),
    "substring": ("'tacocat'.substring(4)", "'tacocat'.substring(0, 4)"),
    "replace": ("'a-b-c'.replace('-', '+')", "'a-b-c'.replace('-', '+', 1)"),
    "split": ("'a,b,c'.split(',')", "'a,b,c'.split(',', 2)"),
    "join": ("['a', 'b'].join('-')", "['a', 'b'].join()"),
    "strings.quote": ("strings.quote('a\"b')",),
    "format": ("'%s is %d, %.2f'.format(['Ada', 11, 0.5])", "'%x %b %e'.format([255, 5, 1234.5])"),
    "matches": ("'run-42'.matches('^run-[0-9]+$')",),
    "regex.extract": ("regex.extract('id=42', 'id=([0-9]+)').value()",),
    "regex.extractAll": ("regex.extractAll('a1 b22', '[0-9]+')",),
    "regex.replace": ("regex.replace('ab', '(a)(b)', '\\\\2\\\\1')",),
    "math.greatest": ("math.greatest(1, 2.5, -3)", "math.greatest([1, 5])"),
    "math.least": ("math.least(1, 2.5, -3)",),
    "math.abs": ("math.abs(-5)",),
    "math.sign": ("math.sign(-2.5)",),
    "math.ceil": ("math.ceil(1.2)",),
    "math.floor": ("math.floor(-1.2)",),
    "math.round": ("math.round(-1.5)",),
    "math.trunc": ("math.trunc(-1.9)",),
    "math.sqrt": ("math.sqrt(81)",),
    "math.isNaN": ("math.isNaN(0.0 / 0.0)",),
    "math.isInf": ("math.isInf(1.0 / 0.0)",),
    "math.isFinite": ("math.isFinite(1.5)",),
    "math.bitAnd": ("math.bitAnd(6, 3)",),
    "math.bitOr": ("math.bitOr(4, 1)",),
    "math.bitXor": ("math.bitXor(6, 3)",),
    "math.bitNot": ("math.bitNot(1)",),
    "math.bitShiftLeft": ("math.bitShiftLeft(1, 4)",),
    "math.bitShiftRight": ("math.bitShiftRight(16, 2)",),
    "distinct": ("[1, 2, 1.0].distinct()",),
    "reverse": ("[1, 2, 3].reverse()", "'abc'.reverse()"),
    "sort": ("[3, 1, 2].sort()",),
    "slice": ("[1, 2, 3, 4].slice(1, 3)",),
    "flatten": ("[[1], [2, [3]]].flatten()", "[[1], [2, [3]]].flatten(2)"),
    "lists.range": ("lists.range(3)",),
    "first": ("[1, 2].first().value()",),
    "last": ("[1, 2].last().value()",),
    "sets.contains": ("sets.contains([1, 2, 3], [3, 1])",),
    "sets.equivalent": ("sets.equivalent([1, 2], [2, 1, 1])",),
    "sets.intersects": ("sets.intersects([1, 2], [2, 3])",),
    "base64.encode": ("base64.encode(b'hello')",),
    "base64.decode": ("string(base64.decode('aGVsbG8='))",),
    "json.encode": ("json.encode({'a': [1, null]})",),
    "json.parse": ("json.parse('[1, 2.5]')[1]",),
    "ip": ("ip('192.168.0.1')", "cidr('10.0.0.0/8').ip()"),
    "cidr": ("cidr('192.168.0.0/24')",),
    "isIP": ("isIP('::1')",),
    "isCIDR": ("isCIDR('10.0.0.0/33')",),
    "ip.isCanonical": ("ip.isCanonical('2001:DB8::68')",),
    "family": ("ip('::1').family()",),
    "isUnspecified": ("ip('0.0.0.0').isUnspecified()",),
    "isLoopback": ("ip('127.0.0.1').isLoopback()",),
    "isGlobalUnicast": ("ip('192.168.0.1').isGlobalUnicast()",),
    "isLinkLocalUnicast": ("ip('169.254.1.1').isLinkLocalUnicast()",),
    "isLinkLocalMulticast": ("ip('ff02::1').isLinkLocalMulticast()",),
    "containsIP": ("cidr('10.0.0.0/8').containsIP('10.1.2.3')",),
    "containsCIDR": ("cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",),
    "masked": ("cidr('10.1.2.3/8').masked()",),
    "isMask": ("cidr('10.0.0.0/8').isMask()",),
    "prefixLength": ("cidr('10.0.0.0/8').prefixLength()",),
}


def public(functions: Iterable[Function]) -> list[Function]:
    """Return what an author calls by name: no operators, nothing internal."""
    return [f for f in functions if f.name[0].isalpha() and ".@" not in f.name]


def page_of_functions() -> str:
    """Return the tables of all functions, as the guide shows them."""
    lines = []
    for title, functions in GROUPS:
        lines += [f"### {title}", "", "| call | value | example |", "|---|---|---|"]
        lines += [row(function) for function in public(functions)]
        lines.append("")
    return "\n".join(lines)


def row(function: Function) -> str:
    """Return one function as a row."""
    calls = "<br>".join(dict.fromkeys(f"`{signature(function, o)}`" for o in function.overloads))
    examples = "<br>".join(
        f"`{example}` → `{shown(example)}`" for example in EXAMPLES.get(function.name, ())
    )
    return f"| {calls} | {cell(function.doc)} | {cell(examples)} |"


def signature(function: Function, overload: Overload) -> str:
    """Return how an overload is called and what it gives."""
    params = [short(expr.cel_name(param)) for param in overload.params]
    result = short(expr.cel_name(overload.result))
    more = ", …" if function.variadic and not params[0].startswith("list(") else ""
    if overload.method:
        return f"{params[0]}.{function.name}({', '.join(params[1:])}{more}) → {result}"
    return f"{function.name}({', '.join(params)}{more}) → {result}"


def short(name: str) -> str:
    """Return a type's name without the package that it has for historical reasons."""
    for long, brief in (("Timestamp", "timestamp"), ("Duration", "duration")):
        name = name.replace(f"google.protobuf.{long}", brief)
    return name.replace("optional_type", "optional")


def shown(example: str) -> str:
    """Return the value of an example as JSON."""
    return json.dumps(value(example), ensure_ascii=False)


def value(text: str, roots: dict[str, Any] | None = None) -> Any:
    """Return the value of an expression."""
    return evaluate(text, roots or {})


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return text.replace("|", "\\|")


def replaced(page: str, name: str, text: str) -> str:
    """Return a page with the part between two comments replaced."""
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{text}{end}{after}"


def part(page: str, name: str) -> str:
    """Return what stands between two comments."""
    return page.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- end of {name} -->")[0]
