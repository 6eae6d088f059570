"""The catalogue is true: its documents yield what they stand for, and its codes are all in use."""

import re
from pathlib import Path

import pytest

from dagnats.compiler.held import Held
from dagnats.compiler.pipeline import Compiled, compile_workflow
from dagnats.diagnostics.catalog import CATALOG, Entry
from dagnats.diagnostics.diagnostic import NOWHERE, Diagnostic, Severity
from dagnats.diagnostics.render import render_json
from dagnats.ir.program import Certificate
from tests.lang.fronts import loader

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"\bDN\d{4}\b")
QUOTED_CODE = re.compile(r'"(DN\d{4})"')
ENTRIES = sorted(CATALOG.items())
DIAGNOSTICS = ROOT / "dagnats" / "diagnostics"
CATALOGUE = set(DIAGNOSTICS.glob("catalog*.py"))
SOURCES = [p for p in (ROOT / "dagnats").rglob("*.py") if p not in CATALOGUE]

every_entry = pytest.mark.parametrize(("code", "entry"), ENTRIES, ids=[code for code, _ in ENTRIES])


def before(entry: Entry) -> Certificate | None:
    """Return the certificate that an entry's documents are held against, if they are."""
    program = compile_workflow(entry.before).program if entry.before else None
    return None if program is None else program.certificate


def registry(entry: Entry) -> Held | None:
    """Return the registry that an entry's documents are held against, if they are."""
    programs = [compile_workflow(text).program for text in entry.registered]
    assert None not in programs
    return Held(filter(None, programs)) if programs else None


def compiled_of(entry: Entry, text: str, name: str) -> Compiled:
    """Return what becomes of a document of an entry."""
    return compile_workflow(
        text,
        name,
        load=loader(entry.files),
        registry=registry(entry),
        against=before(entry),
    )


@every_entry
def test_the_bad_document_yields_the_code_alone(code: str, entry: Entry) -> None:
    compiled = compiled_of(entry, entry.bad, "bad.yaml")
    assert {(d.code, d.severity) for d in compiled.diagnostics} == {(code, entry.severity)}
    assert (compiled.program is None) == (entry.severity is Severity.ERROR)


@every_entry
def test_the_good_document_yields_nothing(code: str, entry: Entry) -> None:
    compiled = compiled_of(entry, entry.good, f"{code}.yaml")
    assert not compiled.diagnostics
    assert compiled.program is not None


@every_entry
def test_entries_speak_as_the_house_does(code: str, entry: Entry) -> None:
    assert re.fullmatch(r"DN\d{4}", code)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.name)
    assert not entry.title.endswith(".")
    assert entry.title[0].islower() or entry.title.startswith("YAML")
    assert entry.explanation.endswith(".")
    assert entry.explanation == " ".join(entry.explanation.split())
    assert 1 <= len(re.findall(r"[.!?](?: |$)", entry.explanation)) <= 3
    for document in (entry.bad, entry.good):
        assert document == document.strip() + "\n"
        assert document.isascii()
        assert document.replace("\n", "").isprintable()


@every_entry
def test_links_lead_to_a_heading_of_the_page(code: str, entry: Entry) -> None:
    url = render_json({"f": [Diagnostic(code, "", NOWHERE)]})["diagnostics"][0]["url"]
    page, anchor = url.split("#")
    headings = re.findall(r"^### (.+)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


def test_names_are_unique() -> None:
    assert len({entry.name for entry in CATALOG.values()}) == len(CATALOG)


def test_codes_are_in_order() -> None:
    assert list(CATALOG) == sorted(CATALOG)


def test_every_code_that_is_emitted_is_in_the_catalogue_and_the_other_way_round() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCES]
    assert {code for text in texts for code in CODE.findall(text)} <= set(CATALOG)
    assert {code for text in texts for code in QUOTED_CODE.findall(text)} == set(CATALOG)
