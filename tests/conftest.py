"""What holds for all tests: how they are collected, and in which order workers are given them."""

import gc
import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
FIRST = "servers"
"""The group of tests that need a core for themselves: one after the other, never side by side."""


def pytest_configure() -> None:
    """Collect tests, many thousands, without looking for garbage among them again and again.

    And let what tests start hear of signals that those who run them ignore, as `nohup` does.
    """
    gc.disable()
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was collected out of what is looked through from now on."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have one worker more than there are cores, for many tests wait for processes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (cores or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the long tests out first, and keep together what shares a server (`--dist loadgroup`).

    The quick tests of a module are one group, so is everything that shares a fixture of its module;
    any other slow test goes by itself.
    """
    order: dict[str, tuple[int, int]] = {}
    for number, item in enumerate(items):
        group = _group(item)
        if group and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(group))
        is_slow = item.get_closest_marker("slow") is not None
        rank = 0 if group == FIRST else 1 if is_slow else 2
        key = group or item.nodeid
        order[key] = min(order.get(key, (rank, number)), (rank, number))
    places = {id(item): order[_group(item) or item.nodeid] for item in items}
    items.sort(key=lambda item: places[id(item)])


def _group(item: pytest.Item) -> str:
    """Return the group of a test; empty for one that goes by itself."""
    mark = item.get_closest_marker("xdist_group")
    if mark is not None:
        return str(mark.args[0])
    if item.get_closest_marker("slow") and not _shares(item):
        return ""
    return item.path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")


def _shares(item: pytest.Item) -> bool:
    """Whether a test uses a fixture that lives as long as its module or longer."""
    known = getattr(item, "_fixtureinfo", None)
    found = known.name2fixturedefs.values() if known is not None else ()
    return any(one.scope in {"module", "package"} for defs in found for one in defs)
