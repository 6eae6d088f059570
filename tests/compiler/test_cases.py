import pytest

from tests.compiler.cases import FOLDER, CaseError, case_of, cases_of, differences

FILES = sorted(FOLDER.glob("*/*.md"))
CASES = [case for file in FILES for case in cases_of(file)]
CODES = {note.code for case in CASES for note in case.notes}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_compiler_finds_exactly_what_is_noted(case):
    assert differences(case) == []


def test_no_two_cases_have_one_name():
    names = [case.name for case in CASES]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("band", ["DN1", "DN2", "DN3", "DN4", "DN5", "DN6", "DN9"])
def test_each_band_of_codes_has_cases(band):
    assert any(code.startswith(band) for code in CODES)


def test_there_are_documents_without_findings():
    assert any(not case.notes for case in CASES)


BROKEN = "name: n\nsteps:\n  - {id: a, task: b, timeout: true}"
FOUND = "3:31 error DN2003 `timeout` must be an integer or a string, not true or false"


def check(text):
    return differences(case_of("case", text))


@pytest.mark.parametrize(
    "noted",
    [
        f"{BROKEN} #! error: 31 [DN2003] must be an integer\n",
        f"{BROKEN} #! error: 31 [DN2003]\n",
        BROKEN.replace("\n  -", "\n#! error: 31 [DN2003] `timeout`\n  -"),
    ],
)
def test_a_right_note_is_accepted(noted):
    assert check(noted) == []


def test_notes_move_nothing():
    case = case_of("case", "a: 1 #! error: 1 [DN1001]\n  #! info: 1 [DN1002]\nb: 2\n")
    assert case.text == "a: 1\n\nb: 2\n"
    assert [(note.line, note.code) for note in case.notes] == [(1, "DN1001"), (3, "DN1002")]


@pytest.mark.parametrize(
    ("noted", "complaints"),
    [
        (BROKEN, [f"found but not noted: {FOUND}", "there is no program"]),
        ("name: n\nsteps: [{id: a, task: b}] #! error: 9 [DN2003] x",
         ["noted but not found: 2:9 error DN2003 x", "there is a program"]),
        ("name: n\nsteps: [{id: a, task: b}] #! info: 9 [DN9001]",
         ["noted but not found: 2:9 info DN9001"]),
        (f"{BROKEN} #! error: 30 [DN2003]",
         ["noted but not found: 3:30 error DN2003", f"found but not noted: {FOUND}"]),
        (BROKEN.replace("steps:", "steps: #! error: 31 [DN2003]"),
         ["noted but not found: 2:31 error DN2003", f"found but not noted: {FOUND}"]),
        (f"{BROKEN} #! error: 31 [DN2004]",
         ["noted but not found: 3:31 error DN2004", f"found but not noted: {FOUND}"]),
        (f"{BROKEN} #! error: 31 [DN2003] must be a list",
         ["noted but not found: 3:31 error DN2003 must be a list",
          f"found but not noted: {FOUND}"]),
        (f"{BROKEN} #! warning: 31 [DN2003]",
         ["noted but not found: 3:31 warning DN2003", f"found but not noted: {FOUND}",
          "there is no program"]),
    ],
)  # fmt: skip
def test_the_guard_complains_about_wrong_notes(noted, complaints):
    assert check(noted) == complaints


@pytest.mark.parametrize(
    "noted",
    [
        "a: 1 #! eror: 1 [DN1001]\n",
        "a: 1 #! error: [DN1001]\n",
        "a: 1 #! error: 1 DN1001\n",
        "a: 1 #! error: 1 [DN1001] #! info: 1 [DN1002]\n",
        "a: 1\n#! error: 1 [DN1001]",
    ],
)
def test_the_guard_complains_about_notes_that_cannot_be_read(noted):
    with pytest.raises(CaseError):
        case_of("case", noted)


@pytest.mark.parametrize(
    "text",
    [
        "## Case\n\nA sentence.\n\n```yaml\na: 1\n```\n",
        "# Title\n",
        "# Title\n\n## Case\n\nA sentence.\n",
        "# Title\n\n## Case\n\nA sentence.\n\n```yaml\na: 1\n",
        "# Title\n\n## Case\n\n```yaml\na: 1\n```\n",
        "# Title\n\n## Case\n\nA sentence.\n\n```yaml\na: 1\n```\n\n```yaml\na: 1\n```\n",
    ],
)
def test_the_guard_complains_about_files_that_are_no_cases(text, tmp_path):
    file = tmp_path / "case.md"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CaseError):
        cases_of(file)
