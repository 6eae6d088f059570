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
from dagnats.ir.program import Trigger
from dagnats.testing.memory import MemoryPrograms, Storage
from tests.ir.samples import EXAMPLE, program, step

GOLDEN = Path(__file__).parents[1] / "ir" / "golden" / "v1"
OLD = (GOLDEN / "example.json").read_bytes().rstrip(b"\n")
OLD_DIGEST = json.loads((GOLDEN / "digests.json").read_text(encoding="utf-8"))["example"]


def within(task: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(task)


def test_enabled_triggers_are_refused_and_nothing_is_stored() -> None:
    async def story() -> None:
        store = MemoryPrograms(Storage())
        programs = Programs(store)
        nightly = Trigger(
            "nightly",
            "cron",
            {
                "expression": "0 3 * * *",
                "timezone": "UTC",
                "backfill": False,
                "backfill_max": 1,
                "overlap": "allow",
            },
        )
        triggered = replace(EXAMPLE, triggers=(nightly,))
        with pytest.raises(RefusedError, match="has triggers") as refused:
            await programs.register(codec.encode(triggered), 0)
        assert (refused.value.code, refused.value.exit_code) == ("invalid", 4)
        assert await store.load_aliases() == {}
        assert programs.aliases() == []

    within(story())


def test_every_version_of_a_name_is_found_by_its_label_and_digest() -> None:
    async def story() -> None:
        programs = Programs(MemoryPrograms(Storage()))
        for label in ("1", "2"):
            await programs.register(codec.encode(replace(EXAMPLE, label=label)), 0)
        assert [one.label for one in programs.versions("review")] == ["2", "1"]
        old = programs.versions("review")[1].digest
        assert (await programs.find("review")).prepared.program.label == "2"
        for version in ("1", old):
            assert (await programs.find("review", version)).prepared.digest == old
        with pytest.raises(RefusedError, match="has no version `3`"):
            await programs.find("review", "3")
        await programs.delete("review")
        with pytest.raises(RefusedError, match="no workflow `review`"):
            await programs.find("review")
        assert (await programs.pinned(old)).digest == old

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
