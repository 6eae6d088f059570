"""What holds for all tests."""

import gc

import pytest


def pytest_configure() -> None:
    """Collect tests, many thousands, without looking for garbage among them again and again."""
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was collected out of what is looked through from now on."""
    gc.freeze()
    gc.enable()
