"""Every test begins without handlers, and workers leave sooner than they would."""

from collections.abc import Iterator

import pytest

from dagnats.worker import registry
from dagnats.worker import worker as working


@pytest.fixture(autouse=True)
def no_handlers() -> Iterator[None]:
    known = dict(registry._registry)
    registry._registry.clear()
    yield
    registry._registry.clear()
    registry._registry.update(known)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "SETTLE_S", 0.02)
    monkeypatch.setattr(working, "ACCEPT_S", 0.2)
