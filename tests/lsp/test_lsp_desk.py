"""Open documents: what is judged when they change, counted in work, and what goes wrong."""

import asyncio
from dataclasses import dataclass, field

import pytest

from dagnats.diagnostics.selection import Selection
from dagnats.errors import BrokenError
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.desk import Desk, Open, is_ours
from tests.lsp.samples import chain, with_step

pytestmark = pytest.mark.slow

URI = "file:///home/ada/w.yaml"


@dataclass
class Told:
    """What the client hears."""

    published: list[tuple[int | None, bool, int]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def publish(self, document: Open, analysis: Analysis) -> None:
        self.published.append((document.version, analysis.is_final, len(analysis.findings)))

    def log(self, error: BaseException) -> None:
        self.errors.append(error)


def desk() -> tuple[Desk, Told]:
    told = Told()
    return Desk(told, lambda _: (Selection(), False)), told


def document(text: str) -> Open:
    return Open(URI, "/home/ada/w.yaml", text, 1, "utf-16")


def test_of_a_burst_of_keystrokes_one_text_is_judged() -> None:
    text = chain(300)

    async def typing() -> tuple[Desk, Told]:
        made, told = desk()
        made.open(document(text))
        await made.settle()
        for number in range(2, 52):
            made.change(URI, text.replace("s9.output.ok", f"s9.output.ok || {number} > 1"), number)
            await asyncio.sleep(0)
        await made.settle()
        return made, told

    made, told = asyncio.run(typing())
    assert (made.started, made.finished) == (2, 2)
    assert [version for version, is_final, _ in told.published if is_final] == [1, 51]
    assert made.analyst.memory.parsed <= 300 * 4, "each expression once, and that of the last text"


def test_a_newer_text_ends_what_was_begun() -> None:
    async def typing() -> tuple[Desk, Told]:
        made, told = desk()
        made.open(document(chain(100)))
        while made.started == 0:
            await asyncio.sleep(0.001)
        assert made.finished == 0, "the desk listens between stages"
        made.change(URI, chain(101), 2)
        await made.settle()
        return made, told

    made, told = asyncio.run(typing())
    assert (made.started, made.finished) == (2, 1)
    assert {version for version, is_final, _ in told.published if is_final} == {2}


def test_a_question_does_not_wait_and_nothing_is_judged_twice() -> None:
    async def asking() -> Desk:
        made, _ = desk()
        opened = document(with_step("task: t"))
        made.open(opened)
        first = made.known(opened)
        assert first is not None
        assert made.known(opened) is first
        await made.settle()
        return made

    made = asyncio.run(asking())
    assert (made.started, made.finished) == (1, 1)


def test_the_same_version_again_is_no_change() -> None:
    async def asking() -> Desk:
        made, _ = desk()
        made.open(document("dagnats: 1\n"))
        made.change(URI, "dagnats: 1\n", 1)
        made.change("file:///unknown", "x", 1)
        await made.settle()
        return made

    assert asyncio.run(asking()).started == 1


def test_an_error_of_ours_is_logged_and_the_desk_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import dagnats.lsp.analysis as room

    async def typing() -> tuple[Desk, Told]:
        made, told = desk()
        with monkeypatch.context() as patch:

            def broken(*_: object) -> None:
                raise BrokenError("a pass of ours")

            patch.setattr(room, "judge", broken)
            made.open(document(with_step("task: t")))
            await made.settle()
            opened = made.get(URI)
            assert opened is not None
            assert made.known(opened) is None
        made.change(URI, with_step("task: t", "when: nope"), 2)
        await made.settle()
        return made, told

    made, told = asyncio.run(typing())
    assert [str(error) for error in told.errors] == ["a pass of ours"] * 2
    assert made.finished == 1
    assert told.published[-1][0] == 2


def test_settings_that_are_wrong_hold_for_nothing() -> None:
    def wrong(_: str) -> tuple[Selection, bool]:
        raise ValueError("no settings")

    async def opening() -> Told:
        told = Told()
        made = Desk(told, wrong)
        made.open(document(with_step("task: t", "when: nope")))
        await made.settle()
        made.change(URI, with_step("task: t", "when: nobody"), 2)
        await made.settle()
        return told

    told = asyncio.run(opening())
    assert [str(error) for error in told.errors] == ["no settings"], "which is said once"
    assert told.published[-1][2] > 0


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("dagnats: 1\n", True),
        ("name: a\nsteps: []\n", True),
        ('{"name": "a",\n "steps": []}', True),
        ('{"dagnats": 1}', True),
        ("# yaml-language-server: $schema=./workflow.schema.json\n", True),
        ("name: a\njobs: {}\n", False),
        ("steps:\n- script: x\n", False),
        ("services: {}\n", False),
        ("", False),
    ],
)
def test_which_texts_are_meant_for_us(text: str, ours: bool) -> None:
    assert is_ours(text) is ours
