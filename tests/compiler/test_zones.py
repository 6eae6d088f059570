"""Time zones that do not exist: which one was probably meant, and what a fix writes."""

import json

import pytest

from dagnats.compiler.pipeline import check_workflow, compile_workflow
from dagnats.compiler.zones import GUESSES_MAX, meant, names
from dagnats.diagnostics.fixes import mend


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("utc", "UTC"),
        ("Berlin", "Europe/Berlin"),
        ("Germany/Berlin", "Europe/Berlin"),
        ("Amercia/New_York", "America/New_York"),
        ("America/NewYork", "America/New_York"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("America/New York", "America/New_York"),
        ("america/new  york", "America/New_York"),
        ("+02:00", None),
        ("Cordoba", None),
        ("CEST", None),
        ("PST", None),
        ("BST", None),
        ("UTC+2", None),
        ("GMT+2", None),
        ("Local", None),
        ("Nowhere/Land", None),
        ("Europe/" + "Berlin" * 20, None),
    ],
)
def test_what_was_meant(written, expected):
    assert meant(written) == expected


def test_every_zone_that_is_listed_is_there():
    from zoneinfo import ZoneInfo

    for name in names().values():
        assert ZoneInfo(name).key == name


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ('"Europe/Berln"', '"Europe/Berlin"'),
        ("'Europe/Berln'", '"Europe/Berlin"'),
        (r'"Europe\u002FBerln"', r'"Europe\u002FBerln"'),
    ],
)
def test_a_fix_writes_what_was_meant(before, after):
    document = (
        "dagnats: 1\nname: n\n"
        'triggers: [{{id: t, cron: {{expression: "0 3 * * *", timezone: {}}}}}]\n'
        "steps: [{{id: a, task: t}}]\n"
    )
    text = document.format(before)
    found = mend(text, lambda each: check_workflow(each).diagnostics, unsafe=True)
    assert found.text == document.format(after)
    assert check_workflow(text).diagnostics[0].help == "did you mean `Europe/Berlin`?"


def test_a_document_in_json_stays_json():
    document = {
        "dagnats": 1,
        "name": "n",
        "triggers": [{"id": "t", "cron": {"expression": "0 3 * * *", "timezone": "Asia/Tokio"}}],
        "steps": [{"id": "a", "task": "t"}],
    }
    text = json.dumps(document)
    found = mend(text, lambda each: check_workflow(each, "n.json").diagnostics, unsafe=True)
    document["triggers"][0]["cron"]["timezone"] = "Asia/Tokyo"
    assert json.loads(found.text) == document
    assert compile_workflow(found.text, "n.json").program is not None


def test_after_many_names_only_those_at_hand_are_guessed():
    zones = [f"Europe/Berln{'x' * number}" for number in range(GUESSES_MAX)]
    zones += ["Asia/Tokio", "asia/tokyo"]
    triggers = "".join(
        f'  - {{id: t{number}, cron: {{expression: "0 3 * * *", timezone: {zone}}}}}\n'
        for number, zone in enumerate(zones)
    )
    text = f"dagnats: 1\nname: n\ntriggers:\n{triggers}steps: [{{id: a, task: t}}]\n"
    found = check_workflow(text).diagnostics
    assert {finding.code for finding in found} == {"DN2021"}
    assert len(found) == GUESSES_MAX + 2
    assert found[0].help == "did you mean `Europe/Berlin`?"
    assert [finding.help for finding in found[-2:]] == [
        "write a name of IANA, as `Europe/Berlin`",
        "did you mean `Asia/Tokyo`?",
    ]
