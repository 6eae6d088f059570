"""What becomes of programs in the registry: which are taken, and under which digest they stay."""

import asyncio
import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dagnats.engine.programs import Programs
from dagnats.errors import BrokenError, RefusedError
from dagnats.ir import codec
from dagnats.testing.memory import MemoryPrograms, Storage
from tests.ir.samples import EXAMPLE, WHOLE, program, step

GOLDEN = Path(__file__).parents[1] / "ir" / "golden" / "v1"
OLD = (GOLDEN / "example.json").read_bytes().rstrip(b"\n")
OLD_DIGEST = json.loads((GOLDEN / "digests.json").read_text(encoding="utf-8"))["example"]
NOT_YET = "step `start` has `on_failure`, which this engine does not run yet"


def within(task: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(task)


def test_what_the_engine_does_not_run_is_refused_and_not_stored() -> None:
    async def story() -> None:
        store = MemoryPrograms(Storage())
        programs = Programs(store)
        with pytest.raises(RefusedError, match="which this engine does not run yet") as refused:
            await programs.register(codec.encode(WHOLE), 0)
        assert str(refused.value) == f"`whole`: {NOT_YET}"
        assert (refused.value.code, refused.value.exit_code) == ("invalid", 4)
        assert await store.load_program(codec.digest(WHOLE)) is None
        assert await store.load_aliases() == {}
        assert programs.aliases() == []

    within(story())


def test_what_another_engine_has_stored_is_refused_when_a_run_would_start() -> None:
    async def story() -> None:
        store = MemoryPrograms(Storage())
        digest = codec.digest(WHOLE)
        await store.save_program(digest, codec.encode(WHOLE))
        programs = Programs(store)
        with pytest.raises(RefusedError, match="`start` has `on_failure`") as refused:
            await programs.find(digest)
        assert refused.value.code == "invalid"
        with pytest.raises(BrokenError, match="`start` has `on_failure`"):
            await programs.pinned(digest)

    within(story())


def test_a_program_of_an_older_version_keeps_its_digest() -> None:
    async def story() -> None:
        store = MemoryPrograms(Storage())
        await store.save_program(OLD_DIGEST, OLD)
        found = await Programs(store).find(OLD_DIGEST)
        assert (found.prepared.digest, found.data) == (OLD_DIGEST, OLD)
        assert found.prepared.program == EXAMPLE
        assert (await Programs(store).pinned(OLD_DIGEST)).digest == OLD_DIGEST
        assert await store.load_program(OLD_DIGEST) == OLD

    within(story())


def test_what_is_registered_now_has_the_digest_of_now() -> None:
    async def story() -> None:
        programs = Programs(MemoryPrograms(Storage()))
        alias, is_new = await programs.register(OLD, 0)
        assert (alias.digest, is_new) == (codec.digest(EXAMPLE), True)
        assert (await programs.find("review")).data == codec.encode(EXAMPLE)
        _, is_new = await programs.register(codec.encode(EXAMPLE), 0)
        assert not is_new

    within(story())


def test_bytes_under_the_digest_of_others_are_damage() -> None:
    async def story() -> None:
        store = MemoryPrograms(Storage())
        digest = codec.digest(EXAMPLE)
        await store.save_program(digest, codec.encode(replace(EXAMPLE, label="2")))
        with pytest.raises(BrokenError, match=r"cannot be read: .*has the digest"):
            await Programs(store).pinned(digest)

    within(story())


def test_a_task_that_is_called_an_agent_is_taken() -> None:
    async def story() -> None:
        programs = Programs(MemoryPrograms(Storage()))
        _, is_new = await programs.register(codec.encode(program(step("a", agent=True))), 0)
        assert is_new

    within(story())
