"""Files that no author would write, and some that one might: what `lint` and `compile` survive.

Each kind makes a folder of files from chance; the first of them is the document. Small kinds are
made of clean documents by accidents, large ones go to and over every limit.
"""

import json
import string
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

Files = dict[str, bytes]
Kind = Callable[[Random], Files]

SMALL: dict[str, Kind] = {}
LARGE: dict[str, Kind] = {}

STEPS_MANY = 100_000
FILE_BYTES_MAX = 4_194_304
SIGNS = "{}[]:,&*!|>'\"%@`#?-\t\n ~$<=+.()0é\u202e\u2028\ufeff\x00\x07\\"
WORDS = (
    "steps", "id", "type", "config", "with", "when", "depends_on", "task", "<<", "*a", "&a", "- ",
    "${{", "}}", "map", "loop", "switch", "input", "steps.a.output", "null", "true", ".inf",
    "1e999", "0x", "---", "...", "!!", "imports", "timeout", "9" * 40, "retry", "99999d",
    "'", '"', "\n  ",
)  # fmt: skip


def small(kind: Kind) -> Kind:
    SMALL[kind.__name__.replace("_", "-")] = kind
    return kind


def large(kind: Kind) -> Kind:
    LARGE[kind.__name__.replace("_", "-")] = kind
    return kind


@cache
def documents() -> tuple[tuple[str, str], ...]:
    """Return clean documents, each with the ending of its file's name."""
    root = Path(__file__).resolve().parents[2]
    paths = [*root.glob("tests/mutations/documents/*.*"), *root.glob("examples/*/workflow.yaml")]
    return tuple((path.suffix, path.read_text(encoding="utf-8")) for path in sorted(paths))


def _one(text: str | bytes, suffix: str = ".yaml") -> Files:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return {f"document{suffix}": data}


def _steps(*steps: str, head: str = "") -> Files:
    return _one(f"name: n\n{head}steps:\n" + "".join(f"  - {step}\n" for step in steps))


# Accidents


@small
def characters(chance: Random) -> Files:
    """Characters replaced, removed, put in."""
    suffix, text = chance.choice(documents())
    for _ in range(chance.randint(1, 12)):
        at, width = chance.randrange(len(text)), chance.choice((0, 0, 1, 2, 9))
        new = "".join(chance.choices(SIGNS + string.ascii_letters, k=chance.randint(0, 3)))
        text = text[:at] + new + text[at + width :]
    return _one(text, suffix)


@small
def words(chance: Random) -> Files:
    """Words replaced by others that mean something."""
    suffix, text = chance.choice(documents())
    parts = text.split(" ")
    for _ in range(chance.randint(1, 9)):
        parts[chance.randrange(len(parts))] = chance.choice(WORDS)
    return _one(" ".join(parts), suffix)


@small
def lines(chance: Random) -> Files:
    """Lines that moved, doubled, were lost or begin elsewhere."""
    suffix, text = chance.choice(documents())
    rows = text.split("\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(rows))
        match chance.randrange(4):
            case 0:
                rows.insert(chance.randrange(len(rows)), rows[at])
            case 1:
                rows[at] = ""
            case 2:
                rows[at] = " " * chance.randint(0, 9) + rows[at].lstrip()
            case _:
                other = chance.randrange(len(rows))
                rows[at], rows[other] = rows[other], rows[at]
    return _one("\n".join(rows), suffix)


@small
def halves(chance: Random) -> Files:
    """The beginning of one document and the end of another."""
    (suffix, one), (_, other) = chance.choice(documents()), chance.choice(documents())
    return _one(one[: chance.randrange(len(one))] + other[chance.randrange(len(other)) :], suffix)


@small
def values(chance: Random) -> Files:
    """A JSON document of random values under keys of the language."""

    def made(depth: int) -> object:
        match chance.randrange(9 if depth else 6):
            case 0:
                return chance.choice(WORDS)
            case 1:
                return chance.choice([None, True, False, 0, -1, 1.5, 2**63, 10**400, "", "10m"])
            case 2:
                return "${{ " + chance.choice(("input", "steps.a", "1", "item.x", "[]")) + " }}"
            case 3 | 4 | 5:
                return chance.choice(("a", "b", "normal", "map", "a.b", "input.x > 1"))
            case 6:
                return [made(depth - 1) for _ in range(chance.randrange(4))]
            case _:
                keys = chance.sample(KEYS, chance.randrange(6))
                return {key: made(depth - 1) for key in keys}

    whole = {"name": "n", "steps": [made(4) for _ in range(chance.randint(1, 6))], "x": made(3)}
    return _one(json.dumps(whole), chance.choice((".json", ".yaml")))


KEYS = [
    "id", "type", "task", "config", "with", "when", "steps", "cases", "default", "on", "values",
    "over", "max_items", "max_iterations", "until", "depends_on", "timeout", "retry", "on_failure",
    "input", "tasks", "output", "properties", "items", "event", "match", "triggers", "cron", "vars",
]  # fmt: skip


@small
def random_bytes(chance: Random) -> Files:
    return _one(chance.randbytes(chance.randint(0, 400)))


@small
def random_characters(chance: Random) -> Files:
    alphabet = SIGNS + string.printable + "äß漢🙂\ud800\u0085"
    return _one("".join(chance.choices(alphabet, k=chance.randint(0, 300))))


@small
def encodings(chance: Random) -> Files:
    suffix, text = chance.choice(documents())
    return _one(text.encode(chance.choice(("utf-16", "utf-32", "utf-8-sig", "utf-16-be"))), suffix)


# Too much of something


@large
def deep_lists(chance: Random) -> Files:
    depth = chance.choice((60, 1_000, 100_000))
    return _one("name: n\nx-deep: " + "[" * depth + "]" * chance.choice((0, depth)))


@large
def deep_mappings(chance: Random) -> Files:
    depth = chance.choice((60, 1_000, 2_000))
    opened = "{a: " * depth if chance.random() < 0.5 else ""
    if opened:
        return _one(f"name: n\nx-deep: {opened}1{'}' * depth}")
    return _one("name: n\nx-deep:\n" + "".join(" " * n + "a:\n" for n in range(1, depth)))


@large
def deep_json(chance: Random) -> Files:
    depth = chance.choice((63, 5_000, 200_000))
    return _one('{"name": "n", "x": ' + '{"a":' * depth + "1" + "}" * depth + "}", ".json")


@large
def huge_scalar(chance: Random) -> Files:
    size = chance.choice((1_000_000, 1_048_577, 4_100_000))
    text = chance.choice(("x", "1", "é", "a b ", "${{ 1 }}", "\\n", "''")) * size
    quote = chance.choice(("", '"', "'"))
    return _one(f"name: n\ndescription: {quote}{text[:size]}{quote}\nsteps: [{{id: a, task: t}}]\n")


@large
def huge_key(chance: Random) -> Files:
    return _steps("{id: a, task: t, with: {? " + "k" * chance.choice((1_000, 2_000_000)) + " : 1}}")


@large
def many_keys(chance: Random) -> Files:
    count = chance.choice((10_000, 100_000))
    return _one("name: n\n" + "".join(f"k{n}: {n}\n" for n in range(count)))


@large
def same_keys(chance: Random) -> Files:
    return _one("name: n\n" + "a: 1\n" * chance.choice((5_000, 100_000)))


@large
def bomb_of_aliases(chance: Random) -> Files:
    width = chance.choice((9, 60))
    rows = ["x0: &x0 [" + "lol, " * width + "lol]"]
    rows += [f"x{n}: &x{n} [" + f"*x{n - 1}, " * width + f"*x{n - 1}]" for n in range(1, 20)]
    return _one("name: n\n" + "\n".join(rows) + "\nsteps: *x19\n")


@large
def bomb_of_merges(chance: Random) -> Files:
    width = chance.choice((2, 9))
    rows = ["x0: &x0 {" + ", ".join(f"a{n}: {n}" for n in range(50)) + "}"]
    rows += [
        f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * width)}], b{n}: 1}}" for n in range(1, 40)
    ]
    return _one("name: n\n" + "\n".join(rows) + "\nsteps: [{<<: *x39}]\n")


@large
def many_anchors(chance: Random) -> Files:
    count = chance.choice((1_000, 50_000))
    return _one("name: n\n" + "".join(f"x-{n}: &a{n} 1\n" for n in range(count)))


@large
def alias_within_itself(_chance: Random) -> Files:
    return _one("name: n\nsteps: &s [{id: a, task: t, with: *s}]\nx: &y {<<: *y}\n")


@large
def many_steps(chance: Random) -> Files:
    """As many steps as anybody, each of which waits for the one before, or for none."""
    is_chain = chance.random() < 0.5
    rows = [
        f"  - {{id: s{n}, task: t{f', depends_on: [s{n - 1}]' if is_chain and n else ''}}}"
        for n in range(STEPS_MANY)
    ]
    return _one(("name: n\nsteps:\n" + "\n".join(rows))[:FILE_BYTES_MAX].rsplit("\n", 1)[0])


@large
def steps_that_wait_for_all(chance: Random) -> Files:
    count = chance.choice((300, 900))
    names = [f"s{n}" for n in range(count)]
    return _steps(
        *(
            f"{{id: {n}, task: t, depends_on: [{', '.join(names[:at])}]}}"
            for at, n in enumerate(names)
        )
    )


@large
def a_cycle_of_many(chance: Random) -> Files:
    count = chance.choice((100, 5_000))
    return _steps(
        *(f"{{id: s{n}, task: t, depends_on: [s{(n + 1) % count}]}}" for n in range(count))
    )


@large
def misspelt_many(chance: Random) -> Files:
    count = chance.choice((500, 10_000))
    return _steps(
        *(f"{{id: step-{n}, tsak: t, depends_on: [stpe-{n}], whn: inptu.x}}" for n in range(count))
    )


@large
def deep_expression(chance: Random) -> Files:
    depth = chance.choice((50, 500, 20_000, 300_000))
    opened, closed = chance.choice((("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("size([", "])")))
    return _steps(f"{{id: a, task: t, when: '{opened * depth}1{closed * depth} == 1'}}")


@large
def long_expression(chance: Random) -> Files:
    count = chance.choice((1_000, 20_000, 200_000))
    sign = chance.choice((" && ", " || ", " + ", " == ", ".", ", ", " ? 1 : "))
    return _steps("{id: a, task: t, when: '" + sign.join(["a"] * count) + "'}")


@large
def nested_comprehensions(chance: Random) -> Files:
    depth = chance.choice((5, 30, 200))
    text = "true"
    for n in range(depth):
        text = f"input.x.all(v{n}, {text})"
    return _steps(f"{{id: a, task: t, when: '{text}'}}")


@large
def long_template(chance: Random) -> Files:
    count = chance.choice((1_000, 30_000))
    return _steps('{id: a, task: t, with: "' + "${{ input.a }} " * count + '"}')


@large
def patterns(chance: Random) -> Files:
    pattern = chance.choice(("(a*)*" * 2_000, "a{1000}" * 200, "(" * 2_000, "[a-z]{0,999}" * 999))
    return _steps(f"{{id: a, task: t, when: 'input.x.matches(\"{pattern}\")'}}")


@large
def deep_bodies(chance: Random) -> Files:
    depth = chance.choice((5, 12, 30))
    text = "{id: last, task: t}"
    for n in range(depth):
        kind = chance.choice(("map", "loop"))
        bound = "over: input.x, max_items: 3" if kind == "map" else "max_iterations: 3, until: true"
        text = f"{{id: b{n}, type: {kind}, config: {{{bound}, steps: [{text}]}}}}"
    return _steps(text)


@large
def wide_switch(chance: Random) -> Files:
    count = chance.choice((100, 2_000))
    cases = ", ".join(
        f"{{values: [v{n}, w{n}], steps: [{{id: s{n}, task: t}}]}}" for n in range(count)
    )
    return _steps(f"{{id: a, type: switch, config: {{on: input.x, cases: [{cases}]}}}}")


@large
def deep_schema(chance: Random) -> Files:
    depth = chance.choice((20, 60, 500))
    schema = "{type: object, properties: {a: " * depth + "{type: string}" + "}}" * depth
    return _steps("{id: a, task: t, with: '${{ input.a.a.a }}'}", head=f"input: {schema}\n")


@large
def schemas_that_repeat(chance: Random) -> Files:
    count = chance.choice((12, 40))
    rows = [
        f"  s{n}: {{type: object, properties: {{a: {{$ref: '#/schemas/s{n + 1}'}}, "
        f"b: {{$ref: '#/schemas/s{n + 1}'}}}}}}"
        for n in range(count)
    ]
    head = "schemas:\n" + "\n".join([*rows, f"  s{count}: {{type: string}}"])
    return _steps("{id: a, task: t}", head=f"{head}\ninput: {{$ref: '#/schemas/s0'}}\n")


@large
def schema_within_itself(_chance: Random) -> Files:
    head = "schemas: {a: {$ref: '#/schemas/b'}, b: {anyOf: [{$ref: '#/schemas/a'}]}}\n"
    return _steps("{id: a, task: t}", head=f"{head}input: {{$ref: '#/schemas/a'}}\n")


@large
def imports_in_a_circle(chance: Random) -> Files:
    count = chance.choice((1, 2, 40))
    files = {"document.yaml": b"name: n\nimports: [f0.yaml]\nsteps: [{id: a, task: t}]\n"}
    for n in range(count):
        files[f"f{n}.yaml"] = f"imports: [f{(n + 1) % count}.yaml]\ntasks: {{}}\n".encode()
    return files


@large
def imports_of_much(chance: Random) -> Files:
    names = [f"f{n}.yaml" for n in range(chance.choice((5, 99)))]
    listed = ", ".join(names)
    document = f"name: n\nimports: [{listed}]\nsteps: [{{id: a, task: t}}]\n"
    files = {"document.yaml": document.encode()}
    big = "tasks:\n" + "".join(f"  t.a{n}: {{idempotent: true}}\n" for n in range(5_000))
    return files | dict.fromkeys(names, big.encode())


@large
def numbers(chance: Random) -> Files:
    number = chance.choice(("9" * 5_000, "1e99999999", "-0", "0.1e-400", "9" * 2_000_000))
    return _steps(
        f"{{id: a, task: t, timeout: {number}, with: [{number}], retry: {{max_retries: {number}}}}}"
    )


@large
def bounds(chance: Random) -> Files:
    """Repetitions of repetitions, each as large as it may be."""
    text = "{id: last, task: t, retry: {max_retries: 100000, by_code: {}}, timeout: 365d}"
    for n in range(chance.choice((1, 2, 6))):
        config = f"over: input.x, max_items: 10000, steps: [{text}]"
        text = f"{{id: b{n}, type: map, config: {{{config}}}}}"
    return _steps(text)


@large
def comments(chance: Random) -> Files:
    row = chance.choice(("# dagnats: ignore[DN2001] x\n", "#\n", "# dagnats: ignore\n"))
    return _one("name: n\n" + row * chance.choice((5_000, 100_000)) + "steps: [{id: a, task: t}]\n")


@large
def too_large(_chance: Random) -> Files:
    return _one(b"name: n\nx: " + b"a" * (FILE_BYTES_MAX + 1))


@large
def one_long_line(chance: Random) -> Files:
    return _one(
        "{name: n, steps: [" + "{id: a, tsak: t}, " * chance.choice((1_000, 100_000)) + "]}"
    )
