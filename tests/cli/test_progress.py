"""How errors of runs read."""

from typing import Any

import pytest

from dagnats.cli.progress import explain


@pytest.mark.parametrize(
    ("error", "at", "said"),
    [
        ({"code": "boom", "message": "it broke", "step": "pay"}, "", "step `pay`: boom: it broke"),
        ({"code": "boom", "message": "it broke", "step": "pay"}, "pay", "boom: it broke"),
        ({"code": "cancelled", "message": "cancelled", "step": None}, "", "cancelled"),
        ({"code": "cancelled", "message": "no money", "step": None}, "", "cancelled: no money"),
        ({"code": "timeout", "message": ""}, "pay", "timeout"),
        ("odd", "", '"odd"'),
    ],
)
def test_an_error_is_told_without_what_it_does_not_have(error: Any, at: str, said: str) -> None:
    assert explain(error, at=at) == said
