"""Every format over the same findings: goldens, and the rules of the formats themselves."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema_rs
import pytest

from dagnats.diagnostics.catalog import CATALOG
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Severity
from dagnats.diagnostics.github import render_github
from dagnats.diagnostics.junit import render_junit
from dagnats.diagnostics.render import render_concise, render_full, render_json
from dagnats.diagnostics.sarif import render_sarif
from tests.diagnostics.samples import FINDINGS, NAME, TEXT

FOLDER = Path(__file__).parent
FOUND = {NAME: FINDINGS, "/srv/clean file.yaml": ()}
ODD = {
    "\ud800\x00,:%\r\n.yaml": [
        Diagnostic("DN2001", "\ud800\x1b%\r\n]]>&<\uffff", NOWHERE, help="::error::\n%0A")
    ]
}


def written(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


RENDERINGS: dict[str, Callable[[], str]] = {
    "full.txt": lambda: render_full(FINDINGS, TEXT, NAME, colour=False),
    "full-narrow.txt": lambda: render_full(FINDINGS, TEXT, NAME, colour=False, columns=44),
    "full-colour.txt": lambda: render_full(FINDINGS, TEXT, NAME, colour=True).replace("\x1b", "␛"),
    "concise.txt": lambda: render_concise(FINDINGS, TEXT, NAME),
    "findings.json": lambda: written(render_json(FOUND)),
    "findings.sarif": lambda: written(render_sarif(FOUND, "1.2.3")),
    "github.txt": lambda: render_github(FOUND),
    "junit.xml": lambda: render_junit(FOUND),
}


@pytest.mark.parametrize("name", RENDERINGS)
def test_renderings_are_as_they_were(name: str) -> None:
    golden = FOLDER / "golden" / name
    rendered = RENDERINGS[name]()
    if os.environ.get("DAGNATS_BLESS"):
        golden.write_text(rendered, encoding="utf-8")
    assert golden.read_text(encoding="utf-8") == rendered, "run `make bless` and look at the change"


def test_no_golden_is_left_over() -> None:
    assert {path.name for path in (FOLDER / "golden").iterdir()} == set(RENDERINGS)


def test_a_narrow_terminal_is_not_overrun() -> None:
    def rows(columns: int | None) -> list[str]:
        """What is not the words of a label, which stand where their place is."""
        drawn = render_full(FINDINGS[:3], TEXT, "f.yaml", colour=False, columns=columns)
        return [row for row in drawn.splitlines() if not re.match(r" *\|", row)]

    assert not [row for row in rows(44) if len(row) > 44]
    assert max(map(len, rows(None))) > 44


def sarif_validator():
    schema = json.loads((FOLDER / "sarif-2.1.0.schema.json").read_text(encoding="utf-8"))
    return jsonschema_rs.Draft4Validator(schema, validate_formats=True)


@pytest.mark.parametrize("found", [FOUND, ODD, {}, {"a.yaml": []}])
def test_sarif_is_valid(found) -> None:
    document = json.loads(written(render_sarif(found, "1.2.3")).encode())
    assert [str(error) for error in sarif_validator().iter_errors(document)] == []


def test_the_schema_of_sarif_refuses_what_is_wrong() -> None:
    document = render_sarif(FOUND, "1.2.3")
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    assert not sarif_validator().is_valid(document)


def test_sarif_says_what_the_findings_say() -> None:
    [run] = render_sarif(FOUND, "1.2.3")["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert [rule["id"] for rule in rules] == sorted({f.code for f in FINDINGS})
    assert all(CATALOG[rule["id"]].explanation in rule["help"]["text"] for rule in rules)
    for result, finding in zip(run["results"], FINDINGS, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "flows/order%3A%20100%25%2C%20final.yaml"
        start, length = place["region"]["charOffset"], place["region"]["charLength"]
        assert (
            TEXT[start : start + length]
            == TEXT[finding.span.start.offset : finding.span.end.offset]
        )
        assert len(result.get("relatedLocations", [])) == len(finding.labels)
        assert len(result.get("fixes", [])) == len(finding.fixes)
    levels = [result["level"] for result in run["results"]]
    assert levels == ["note", "error", "error", "warning", "error"]
    assert [a["location"]["uri"] for a in run["artifacts"]][1] == "file:///srv/clean%20file.yaml"


def test_a_fingerprint_stays_when_a_finding_moves() -> None:
    moved = Diagnostic(FINDINGS[3].code, FINDINGS[3].message, NOWHERE)
    prints = [
        render_sarif({NAME: [f]}, "1")["runs"][0]["results"][0]["partialFingerprints"]
        for f in (FINDINGS[3], moved, FINDINGS[2])
    ]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("found", [FOUND, ODD])
def test_each_finding_is_one_command_of_github(found) -> None:
    lines = render_github(found).split("\n")
    assert lines.pop() == ""
    assert len(lines) == sum(map(len, found.values()))
    for line in lines:
        line.encode("utf-8")
        command = re.fullmatch(r"::(error|warning|notice) ([^\x00-\x1f]+?)::([^\x00-\x1f]*)", line)
        assert command
        properties = dict(part.split("=", 1) for part in command[2].split(","))
        assert {"title", "file", "line", "endLine"} <= set(properties)
        for part in (*properties.values(), command[3]):
            assert not re.search("%(?!25|0D|0A|3A|2C)", part)


def test_names_survive_githubs_escapes() -> None:
    [line] = render_github({"a:b,c%2C\n.yaml": FINDINGS[:1]}).splitlines()
    assert "file=a%3Ab%2Cc%252C%0A.yaml," in line
    assert line.startswith("::notice title=dagnats DN9001,")


def test_junit_can_be_read_and_counted() -> None:
    root = ET.fromstring(render_junit(FOUND))
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == list(FOUND)
    assert (root.get("tests"), root.get("failures")) == ("6", "3")
    assert len(root.findall(".//testcase")) == 6
    assert len(root.findall(".//failure")) == 3
    assert root.findall(".//failure")[0].get("message") == FINDINGS[1].message
    assert {out.text.split(":")[0] for out in root.findall(".//system-out")} == {"info", "warning"}


def test_junit_holds_whatever_an_author_wrote() -> None:
    text = render_junit(ODD)
    root = ET.fromstring(text.encode("utf-8"))
    message = root.find(".//failure").get("message")
    assert message == "\ufffd\ufffd%\r\n]]>&<\ufffd"


def test_all_formats_agree_on_what_is_an_error() -> None:
    errors = sum(f.severity is Severity.ERROR for f in FINDINGS)
    assert render_json(FOUND)["summary"]["errors"] == errors
    assert render_github(FOUND).count("::error ") == errors
    assert render_junit(FOUND).count("<failure ") == errors
    assert render_concise(FINDINGS, TEXT, NAME).count(": error[") == errors
