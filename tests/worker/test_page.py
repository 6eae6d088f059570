"""docs/workers.md shows what runs."""

import re
from pathlib import Path
from typing import Any

import pytest

from dagnats import Continue, harness
from dagnats.worker import worker as working
from dagnats.worker.context import PIECE_SHARE_BYTES, PIECES_MAX, BaseContext
from dagnats.worker.vault import HIDDEN_CHARS_MIN

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "workers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[-1][:30])
def test_what_is_shown_runs(block: str) -> None:
    exec(compile(block, "workers.md", "exec", dont_inherit=True), {})


RUNS: list[tuple[str, Any, Any]] = [
    ("mail.send", {"to": "a"}, {"sent_to": "a"}),
    ("order.charge", {"id": "1", "amount": 2}, {"charged": 2, "key": "run-1/step/1"}),
    ("agent.turn", {"wanted": 1}, {"done": 1}),
    ("agent.turn", {"wanted": 2}, {"seen": 1}),
    ("prices.fetch", {"symbol": "A"}, {"price": 1.0}),
    ("agent.think", {}, {"thought": True}),
    ("pages.read", {"pages": 3}, {"pages": 3}),
    ("image.render", {"width": 2, "height": 3}, {"pixels": 6}),
]


@pytest.mark.parametrize(("name", "value", "expected"), RUNS)
def test_the_handlers_do_what_they_say(name: str, value: Any, expected: Any) -> None:
    for block in BLOCKS:
        if f'@task("{name}"' in block:
            # Annotations are looked up where a function was made.
            exec(compile(block, "workers.md", "exec", dont_inherit=True), {"__name__": "page"})
    assert harness.run(name, value).output == expected


def test_every_part_of_the_context_is_named() -> None:
    public = {name for name in dir(BaseContext) if not name.startswith("_")}
    public -= {"hide", "worker_id"}
    assert not {name for name in public if not re.search(rf"`{name}[`(]", PAGE)}
    assert Continue.__name__ in PAGE


def test_the_figures_are_ours() -> None:
    assert f"{PIECES_MAX:,} pieces" in PAGE
    assert f"more than {PIECE_SHARE_BYTES:,} bytes counting" in PAGE
    assert f"fewer than {HIDDEN_CHARS_MIN} characters" in PAGE
    assert f"up to {working.GRACE_S:g} seconds" in PAGE
