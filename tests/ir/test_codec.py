"""The serialised form: there and back, one form per meaning, and nothing else is read."""

import json
import random
from collections.abc import Callable
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest
from hypothesis import Phase, given, settings
from msgspec.structs import replace

from dagnats import resources
from dagnats.errors import BrokenError
from dagnats.expr.ast import ListOf, Literal
from dagnats.ir import codec, node_forms, policy_forms, verify
from dagnats.ir import program as program_
from dagnats.ir.conversion import FORMS
from dagnats.ir.expressions import EXPRESSION_LEVELS_MAX
from dagnats.ir.program import IR_VERSION, Program, Retry
from tests.ir.generated import programs
from tests.ir.samples import EVERYTHING, EXAMPLE, SAMPLES, chain, program, step

GOLDEN = {
    "whole": "sha256:ce855169ada258cff1da097320d1256d5454a7b62f623eae318724499e5d86bc",
    "example": "sha256:111a04d8921ea197d6540512e84212e106d668efb552e467263001ec2303fa7b",
    "everything": "sha256:fa5cc71179be404c2b7dd203b242c12304a5ba9526248ff78ab1cbf6d7b9ca9d",
    "one": "sha256:8d2281c63bb4983b5a5c7100595307e9b7931450eed78478e7a4d44709e88102",
}
"""Whoever changes these changes the format: every registered program gets a new digest."""

CODED = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    # A program is drawn of hundreds of parts: to shrink one takes minutes.
    phases=[Phase.generate],
)
SCHEMA = jsonschema_rs.Draft202012Validator(
    json.loads(resources.read_text("schemas", "ir.schema.json"))
)


def complaint(data: bytes | str) -> str:
    with pytest.raises(BrokenError) as caught:
        codec.load(data.encode() if isinstance(data, str) else data)
    return str(caught.value)


def document(sample: Program = EXAMPLE) -> Any:
    return json.loads(codec.encode(sample))


def shuffled(value: Any, chance: random.Random) -> Any:
    """The same JSON with the keys of all objects in another order."""
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: shuffled(value[key], chance) for key in keys}


@pytest.mark.slow
@CODED
@given(programs())
def test_there_and_back(original: Program) -> None:
    assert verify.verify(original) == []
    data = codec.encode(original)
    back = codec.load(data)
    assert back == original
    # Python holds 1 and 1.0 for equal; the bytes do not.
    assert codec.encode(back) == data
    assert SCHEMA.is_valid(json.loads(data))


@pytest.mark.slow
@settings(CODED, max_examples=12)
@given(programs())
def test_documents_for_people_say_the_same(original: Program) -> None:
    shown = codec.to_document(original)
    assert list(shown)[:3] == ["digest", "dagnats_ir", "name"]
    assert shown["digest"] == codec.digest(original)
    assert SCHEMA.is_valid(shown)
    again = shuffled(json.loads(json.dumps(shown)), random.Random(0))
    assert codec.encode(codec.load(json.dumps(again, indent=2).encode())) == codec.encode(original)


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_go_there_and_back(name: str) -> None:
    sample = SAMPLES[name]
    data = codec.encode(sample)
    assert codec.load(data) == sample
    assert codec.encode(codec.load(data)) == data
    assert [e.message for e in SCHEMA.iter_errors(json.loads(data))] == []
    assert codec.digest(sample) == GOLDEN[name]


def test_bytes_are_sorted_and_dense() -> None:
    data = codec.encode(EVERYTHING).decode()
    assert '{"a":{"\uffff":1,"\U00010000":2},"b":[1,1.0,-0.0,1e+16,5e-324]}' in data
    assert '"All there is, with \\"quotes\\" and \\u001f"' in data
    assert data.startswith('{"certificate":{"attempts":{"max":null,"symbolic":""},')
    assert data.endswith(',"source_map":{},"timeout_ms":2592000000}')


def test_doubles_stay_doubles() -> None:
    given_ = [1.0, -0.0, 0.1, 1e15, 1e16, 1e300, 5e-324, 0.0001, 0.00001, 1, 2**53]
    back = codec.load(codec.encode(program(step("a", input=Literal(given_)))))
    assert isinstance(back.nodes[0].input, Literal)
    assert repr(back.nodes[0].input.value) == repr(given_)


def test_an_integer_and_a_double_are_two_programs() -> None:
    one, other = (codec.digest(program(step("a", input=Literal(n)))) for n in (1, 1.0))
    assert one != other


def test_a_multiplier_is_a_double_however_it_was_given() -> None:
    one, other = (program(step("a", retry=Retry(multiplier=m))) for m in (2, 2.0))
    assert codec.encode(one) == codec.encode(other)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_keys_says_nothing(seed: int) -> None:
    chance = random.Random(seed)
    literal = {"b": {"z": 1, "y": [{"d": 1, "c": 2}]}, "a": 2}
    schema = {"type": "object", "properties": {"b": {}, "a": {"type": "string", "title": "A"}}}

    def bytes_of(value: Any, of: Any) -> bytes:
        return codec.encode(program(step("a", input=Literal(value)), input_schema=of))

    expected = bytes_of(literal, schema)
    assert bytes_of(shuffled(literal, chance), shuffled(schema, chance)) == expected
    mixed = json.dumps(shuffled(json.loads(expected), chance), indent=1)
    loaded = codec.load(mixed.encode()).nodes[0].input
    # A macro goes over keys in their order, so that must not depend on the layout either.
    assert isinstance(loaded, Literal)
    assert list(loaded.value) == ["a", "b"]


def test_the_source_map_is_no_part_of_the_digest() -> None:
    moved = replace(EXAMPLE, source_map={"fetch": (1, 1)})
    assert codec.digest(moved) == codec.digest(EXAMPLE)
    assert codec.encode(moved) != codec.encode(EXAMPLE)
    assert codec.digest(replace(EXAMPLE, label="2")) != codec.digest(EXAMPLE)


def test_defaults_that_are_written_out_change_nothing() -> None:
    shown = document()
    select = shown["nodes"][1]["until"]
    select |= {"optional": False, "test": False}
    shown["nodes"][0] |= {"agent": False, "metadata": {}, "required_capabilities": []}
    shown |= {"bodies": [], "admission": {}, "triggers": []}
    assert codec.encode(codec.load(json.dumps(shown).encode())) == codec.encode(EXAMPLE)


PAIRS = {
    Program: (node_forms.ProgramForm, {"version", "dagnats_ir"}),
    program_.Retry: (policy_forms.RetryForm, set()),
    program_.CodeRetry: (policy_forms.CodeRetryForm, set()),
    program_.RateLimit: (policy_forms.RateLimitForm, set()),
    program_.Budget: (policy_forms.BudgetForm, set()),
    program_.Concurrency: (policy_forms.ConcurrencyForm, set()),
    program_.Singleton: (policy_forms.SingletonForm, set()),
    program_.Priority: (policy_forms.PriorityForm, set()),
    program_.CancelOn: (policy_forms.CancelOnForm, set()),
    program_.Admission: (policy_forms.AdmissionForm, set()),
    program_.Trigger: (policy_forms.TriggerForm, set()),
    program_.Bound: (policy_forms.BoundForm, set()),
    program_.Certificate: (policy_forms.CertificateForm, set()),
    program_.Body: (node_forms.BodyForm, set()),
    program_.Case: (node_forms.CaseForm, set()),
    program_.Edge: (node_forms.EdgeForm, set()),
    **{kind: (form, set()) for kind, form in FORMS.items()},
}


def test_forms_and_dataclasses_have_the_same_keys() -> None:
    assert set(FORMS) == set(get_args(program_.Node))
    for kind, (form, apart) in PAIRS.items():
        assert set(form.__struct_fields__) ^ set(kind.__struct_fields__) == apart, kind


def test_every_key_has_a_sample() -> None:
    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return {key for part in value for key in keys(part)}
        if isinstance(value, dict):
            return set(value) | {key for part in value.values() for key in keys(part)}
        return set()

    written = {key for sample in SAMPLES.values() for key in keys(document(sample))}
    forms = [form for form, _ in PAIRS.values()]
    known = {field.encode_name for form in forms for field in msgspec.structs.fields(form)}
    assert known - written == set()


@pytest.mark.slow
@pytest.mark.parametrize("count", [5_000, 10_000])
def test_thousands_of_steps(count: int) -> None:
    large = chain(count)
    assert codec.load(codec.encode(large)) == large


def nested(levels: int) -> Program:
    expr: Any = Literal(1)
    for _ in range(levels - 1):
        expr = ListOf((expr,))
    return program(step("a", input=expr))


def test_expressions_are_as_deep_as_the_limit() -> None:
    deepest = nested(EXPRESSION_LEVELS_MAX)
    assert codec.load(codec.encode(deepest)) == deepest
    below = codec.encode(nested(EXPRESSION_LEVELS_MAX + 1))
    assert complaint(below).startswith("at $.nodes[0].input: an expression of more than 192 levels")


def deep(levels: int) -> str:
    return '{"kind":"list","items":[' * levels + "]}" * levels


def put(path: str, value: Any) -> Callable[[Any], None]:
    """Set a value at a path like `nodes.0.id`."""
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]

    def change(shown: Any) -> None:
        for part in above:
            shown = shown[part]
        shown[last] = value

    return change


def drop(path: str) -> Callable[[Any], None]:
    *above, last = [int(part) if part.isdigit() else part for part in path.split(".")]

    def change(shown: Any) -> None:
        for part in above:
            shown = shown[part]
        del shown[last]

    return change


CHANGED = [
    (put("extra", 1), "at $: object contains unknown field `extra`"),
    (put("nodes.0.extra", 1), "at $.nodes[0]: object contains unknown field `extra`"),
    (put("nodes.0.retry.extra", 1), "at $.nodes[0].retry: object contains unknown field `extra`"),
    (put("nodes.0.until", None), "at $.nodes[0]: object contains unknown field `until`"),
    (put("nodes.1.until.id", 1), "at $.nodes[1].until: object contains unknown field `id`"),
    (put("certificate.steps", {}), "at $.certificate: object contains unknown field `steps`"),
    (drop("name"), "at $: object missing required field `name`"),
    (drop("certificate.usd"), "at $.certificate: object missing required field `usd`"),
    (drop("nodes.0.retry"), "at $.nodes[0]: object missing required field `retry`"),
    (drop("nodes.0.kind"), "at $.nodes[0]: object missing required field `kind`"),
    (drop("nodes.1.until.field"), "at $.nodes[1].until: object missing required field `field`"),
    (put("nodes.0.kind", "human"), "at $.nodes[0].kind: invalid value 'human'"),
    (put("nodes.1.until.kind", "cel"), "at $.nodes[1].until.kind: invalid value 'cel'"),
    (put("nodes.0.when", None), "at $.nodes[0].when: expected `object`, got `null`"),
    (put("nodes.0.when", "true"), "at $.nodes[0].when: expected `object`, got `str`"),
    (put("nodes.0.timeout_ms", "5m"), "at $.nodes[0].timeout_ms: expected `int`, got `str`"),
    (put("nodes.0.timeout_ms", 1.5), "at $.nodes[0].timeout_ms: expected `int`, got `float`"),
    (put("nodes.0.timeout_ms", True), "at $.nodes[0].timeout_ms: expected `int`, got `bool`"),
    (put("nodes.0.timeout_ms", 2**70), "node 0 `fetch`: `timeout_ms` is 1180591620717411303424"),
    (put("nodes.1.edges.0.source", "fetch"), "at $.nodes[1].edges[0].source: expected `int`"),
    (put("nodes", {}), "at $.nodes: expected `array`, got `object`"),
    (put("nodes", []), "it has 0 steps"),
    (put("label", None), "at $.label: expected `str`, got `null`"),
    (put("input_schema", "object"), "at $.input_schema: expected `"),
    (put("input_schema", {"type": "text"}), "`input_schema` is no JSON Schema: at $.type"),
    (put("source_map.fetch", [1]), "at $.source_map"),
    (put("source_map.nobody", [1, 1]), "`source_map` names `nobody`"),
    (put("certificate.usd.max", -1), "`certificate.usd` is -1"),
    (put("dagnats_ir", IR_VERSION + 1), "at $.dagnats_ir: version 3 is newer"),
    (put("dagnats_ir", 0), "at $.dagnats_ir: version 0 cannot be read"),
    (put("dagnats_ir", True), "at $.dagnats_ir: the version is missing"),
    (put("dagnats_ir", "1"), "at $.dagnats_ir: the version is missing"),
    (drop("dagnats_ir"), "at $.dagnats_ir: the version is missing"),
    (put("digest", "sha256:00"), "at $.digest: the content has another digest"),
    (put("digest", None), "at $.digest: the content has another digest"),
]


@pytest.mark.parametrize(("change", "expected"), CHANGED, ids=[e[:60] for _, e in CHANGED])
def test_what_is_not_the_form_is_refused(change: Callable[[Any], None], expected: str) -> None:
    shown = document()
    change(shown)
    assert expected in complaint(json.dumps(shown))


RAW = [
    (b"", "at $: not JSON: "),
    (b"{", "at $: not JSON: "),
    (b"{} {}", "at $: not JSON: "),
    (b"\xef\xbb\xbf{}", "at $: not JSON: "),
    (b'{"name": "\xff"}', "at $: not UTF-8 at byte 10"),
    ("{}".encode("utf-16"), "at $: not UTF-8 at byte 0"),
    (b"[]", "at $: a program is a JSON object"),
    (b"null", "at $: a program is a JSON object"),
    (b'"dagnats_ir"', "at $: a program is a JSON object"),
    (b'{"a": NaN}', "at $: `NaN` is no finite number"),
    (b'{"a": [-Infinity]}', "at $: `-Infinity` is no finite number"),
    (b'{"a": 1e999}', "at $: `1e999` is no finite number"),
    (b'{"a": %s}' % (b"9" * 5_000), "at $: not JSON: "),
    (b'{"a": 1, "b": {"c": 1, "c": {}}}', "at $: the key `c` stands twice in one object"),
    (b'{"a": "\\ud800"}', "at $: a text holds half a surrogate pair"),
    (b'{"\\uDC00": 1}', "at $: a text holds half a surrogate pair"),
    (b"[" * 100_000, "at $: the document is nested too deep"),
    (b'{"a":' * 100_000, "at $: the document is nested too deep"),
]


@pytest.mark.parametrize(("data", "expected"), RAW, ids=[str(d[:20]) for d, _ in RAW])
def test_what_is_no_json_is_refused(data: bytes, expected: str) -> None:
    assert expected in complaint(data)


def test_escaped_pairs_are_text() -> None:
    smile = program(step("a"), label="\U0001f600")
    assert (
        codec.load(codec.encode(smile).replace("\U0001f600".encode(), b"\\ud83d\\ude00")) == smile
    )


@pytest.mark.parametrize("levels", [193, 300, 450, 700, 5_000])
def test_what_is_too_deep_is_refused(levels: int) -> None:
    bare = codec.encode(replace(EXAMPLE, output=None)).decode()
    found = complaint(f'{bare[:-1]},"output":{deep(levels)}}}')
    assert "too deep" in found or "at $.output: an expression of more than 192 levels" in found


def test_a_document_that_was_changed_is_refused() -> None:
    shown = codec.to_document(EXAMPLE)
    assert codec.load(json.dumps(shown).encode()) == EXAMPLE
    shown["nodes"][0]["timeout_ms"] += 1
    assert complaint(json.dumps(shown)).startswith("at $.digest: the content has another digest")


def test_an_unsound_program_is_refused_with_the_first_few_reasons() -> None:
    wrong = program(*[step(f"s{i}", timeout_ms=0) for i in range(5)])
    found = complaint(codec.encode(wrong))
    assert found.startswith("node 0 `s0`: `timeout_ms` is 0, not 1 to ")
    assert found.endswith("; and 2 more")
