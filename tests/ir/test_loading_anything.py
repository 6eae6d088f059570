"""Whatever bytes come: a sound program, or BrokenError and nothing else."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagnats.errors import BrokenError
from dagnats.ir import codec
from dagnats.ir.verify import verify
from tests.ir.samples import SAMPLES, WHOLE

pytestmark = pytest.mark.slow

FUZZED = settings(max_examples=200, deadline=None, derandomize=True, database=None)
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**63,
    -(2**70),
    1.5,
    "",
    "a",
    "a.b",
    "\x00",
    [],
    [[]],
    {},
    {"kind": "task"},
    {"kind": "ident", "name": "steps"},
    {"kind": "literal", "value": [1]},
    {"kind": "uint", "value": "1"},
]
DOCUMENTS = {name: json.loads(codec.encode(sample)) for name, sample in SAMPLES.items()}


def taken(data: bytes) -> bool:
    """Load it; whether it was a program."""
    try:
        program = codec.load(data)
    except BrokenError:
        return False
    assert verify(program) == []
    assert codec.load(codec.encode(program)) == program
    return True


def places(value: Any) -> list[tuple[Any, Any]]:
    """All lists and objects with one of their keys, at any depth."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


def mutated(document: Any, chance: random.Random) -> Any:
    """The document with a few parts exchanged, left out, doubled or swapped."""
    copy = json.loads(json.dumps(document))
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        found = places(copy)
        if not found:
            break
        (part, key), (other, name) = chance.choice(found), chance.choice(found)
        match chance.randrange(5):
            case 0:
                part[key] = chance.choice(ODD)
            case 1:
                del part[key]
            case 2:
                part[key] = json.loads(json.dumps(other[name]))
            case 3 if isinstance(part, dict):
                part[chance.choice([str(name), "extra"])] = part.pop(key)
            case _ if isinstance(part[key], int):
                part[key] += chance.choice([-1, 1])
            case _:
                part[key] = chance.choice(ODD)
    return copy


@FUZZED
@given(st.binary(max_size=64) | st.text(max_size=64).map(str.encode))
def test_any_bytes(data: bytes) -> None:
    assert not taken(data)


@FUZZED
@given(st.recursive(st.sampled_from(ODD), lambda i: st.lists(i) | st.dictionaries(st.text(), i)))
def test_any_json(value: Any) -> None:
    assert not taken(json.dumps(value).encode())
    assert not taken(json.dumps({"dagnats_ir": 2, "nodes": value}).encode())
    assert not taken(json.dumps({"dagnats_ir": 1, "nodes": [value]}).encode())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_mutated_documents(name: str) -> None:
    chance = random.Random(name)
    outcomes = [taken(json.dumps(mutated(DOCUMENTS[name], chance)).encode()) for _ in range(300)]
    assert outcomes.count(False) > 100


def test_mutated_bytes() -> None:
    chance = random.Random(5)
    whole = codec.encode(WHOLE)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        taken(bytes(data))
        taken(whole[: chance.randrange(len(whole))])
