"""`dagnats explain`: codes in words, for people and programs."""

import json

import pytest

from dagnats.cli.main import main
from dagnats.diagnostics.catalog import CATALOG


def explained(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["explain", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_code_has_a_page(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = explained(capsys, "DN3002")
    assert (code, err) == (0, "")
    entry = CATALOG["DN3002"]
    assert out.startswith(f"error[DN3002] unknown-step: {entry.title}\n")
    assert " ".join(entry.explanation.split()) in " ".join(out.split())
    assert "error[DN3002]: there is no step `fnid`" in out
    for document in (entry.bad, entry.good):
        assert "".join(f"    {row}\n" for row in document.splitlines()) in out + "\n"


@pytest.mark.parametrize("word", ["dn9002", "repeated-dependency", "Repeated-Dependency"])
def test_names_and_small_letters_are_understood(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explained(capsys, word)[1].startswith("warning[DN9002] repeated-dependency: ")


def test_several_codes_have_a_page_each(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = explained(capsys, "DN3002", "DN9002", "dn3002")
    assert out.count("Reported:") == 2


@pytest.mark.parametrize("code", CATALOG)
def test_each_page_shows_its_own_finding(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    ended, out, _ = explained(capsys, code)
    assert ended == 0
    assert out.count(f"{CATALOG[code].severity}[{code}]") >= 2


def test_the_list_has_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = explained(capsys, "--list")
    assert [row.split()[0] for row in out.splitlines()[1:]] == list(CATALOG)
    _, out, _ = explained(capsys, "--list", "DN9")
    codes = [row.split()[0] for row in out.splitlines()[1:]]
    assert codes == [code for code in CATALOG if code.startswith("DN9")]
    assert explained(capsys, "--list", "XY")[0] == 2


def test_json_has_the_whole_entry(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = explained(capsys, "DN3002", "--json")
    document = json.loads(out)
    assert document["version"] == 1
    [entry] = document["codes"]
    assert entry["url"] == "docs/diagnostics.md#dn3002-unknown-step"
    assert {key: entry[key] for key in ("code", "name", "severity", "title")} == {
        "code": "DN3002",
        "name": "unknown-step",
        "severity": "error",
        "title": CATALOG["DN3002"].title,
    }
    assert (entry["bad"], entry["good"]) == (CATALOG["DN3002"].bad, CATALOG["DN3002"].good)
    _, out, _ = explained(capsys, "--list", "--json")
    assert [entry["code"] for entry in json.loads(out)["codes"]] == list(CATALOG)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("DN80011", "did you mean `DN8001`?"),
        ("unknown-stp", "did you mean `unknown-step`?"),
        ("whatever", "`dagnats explain --list` lists all codes"),
    ],
)
def test_an_unknown_code_is_2(word: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = explained(capsys, word)
    assert (code, out) == (2, "")
    assert f"there is no code `{word}`; {said}" in err


def test_without_a_code_it_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = explained(capsys)
    assert (code, out) == (2, "")
    assert "name a code" in err
