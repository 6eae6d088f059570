"""Documents of older versions mean what they meant, and keep the digest that they had."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.errors import BrokenError
from dagnats.expr.ast import Literal
from dagnats.ir import codec, upcasting
from dagnats.ir.canonical import digest_of
from dagnats.ir.program import IR_VERSION, AgentLoopNode, TaskNode
from tests.ir.samples import EVERYTHING, EXAMPLE, SAMPLES

GOLDEN = Path(__file__).parent / "golden" / "v1"
DIGESTS = json.loads((GOLDEN / "digests.json").read_text(encoding="utf-8"))
"""Written by the code of version 1: what it stored, and under which digest."""


def stored(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")


def complaint(document: Any) -> str:
    with pytest.raises(BrokenError) as caught:
        codec.load(json.dumps(document).encode())
    return str(caught.value)


@pytest.mark.parametrize("name", ["example", "everything", "one"])
def test_a_document_of_version_1_is_the_same_program(name: str) -> None:
    assert json.loads(stored(name))["dagnats_ir"] == 1
    assert codec.load(stored(name)) == SAMPLES[name]


@pytest.mark.parametrize("name", DIGESTS)
def test_stored_bytes_keep_their_digest(name: str) -> None:
    program = codec.load(stored(name), DIGESTS[name])
    assert codec.load(json.dumps(json.loads(stored(name)) | {"digest": DIGESTS[name]}).encode())
    assert program.version == IR_VERSION
    assert codec.digest(program) != DIGESTS[name]
    assert codec.load(codec.encode(program)) == program


def test_stored_bytes_are_held_against_their_digest() -> None:
    with pytest.raises(BrokenError, match=r"has the digest sha256:\w+, not sha256:\w+"):
        codec.load(stored("one"), DIGESTS["example"])


def test_what_is_new_has_the_meaning_of_before() -> None:
    a, _, c = codec.load(stored("everything")).nodes
    assert type(a) is TaskNode
    assert (a.join, a.within, a.retry.jitter, a.agent) == ("all_success", None, 0.0, False)
    assert isinstance(c, AgentLoopNode)
    assert c.initial_state == Literal([None, 2**63 - 1, -(2**63)])
    assert c.delay_ms == 0


def test_a_state_of_null_is_none() -> None:
    old = json.loads(stored("example"))
    old["nodes"][1]["initial_state"] = None
    assert codec.load(json.dumps(old).encode()) == EXAMPLE


@pytest.mark.parametrize(
    ("where", "key"),
    [((), "bodies"), (("nodes", 0), "join"), (("nodes", 1, "retry"), "jitter")],
)
def test_a_key_of_version_2_is_none_of_version_1(where: tuple[Any, ...], key: str) -> None:
    old = json.loads(stored("example"))
    part = old
    for step in where:
        part = part[step]
    part[key] = 0
    assert f"not a program of version 1: ValueError('a {'program' if not where else ''}" in (
        complaint(old).replace("a node", "a ").replace("a retry", "a ")
    )


@pytest.mark.parametrize("broken", [{"nodes": 1}, {"nodes": [1]}, {"nodes": [{}]}])
def test_what_has_not_the_shape_of_version_1_is_refused(broken: Any) -> None:
    assert "at $: not a program of version 1: " in complaint({"dagnats_ir": 1} | broken)


def test_a_newer_version_is_refused() -> None:
    newer = json.loads(codec.encode(EXAMPLE)) | {"dagnats_ir": IR_VERSION + 1}
    assert complaint(newer) == (
        f"at $.dagnats_ir: version {IR_VERSION + 1} is newer: "
        f"this dagnats reads versions up to {IR_VERSION}"
    )


def test_older_versions_are_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def from_minus_one(old: dict[str, Any]) -> dict[str, Any]:
        return old | {"title": old["heading"]}

    def from_zero(old: dict[str, Any]) -> dict[str, Any]:
        kept = {k: v for k, v in old.items() if k not in {"title", "heading"}}
        return kept | {"name": old["title"]}

    chain = {-1: from_minus_one, 0: from_zero, **upcasting.UPCASTERS}
    monkeypatch.setattr(upcasting, "UPCASTERS", chain)
    old = json.loads(stored("everything")) | {"dagnats_ir": -1, "heading": "old"}
    del old["name"]
    old["digest"] = digest_of(old)
    assert codec.load(json.dumps(old).encode()) == replace(EVERYTHING, name="old")
    old["heading"] = "other"
    assert "at $.digest" in complaint(old)
    del old["digest"], old["heading"]
    assert "at $: not a program of version -1: KeyError('heading')" in complaint(old)
    assert "version -2 cannot be read" in complaint(old | {"dagnats_ir": -2})
