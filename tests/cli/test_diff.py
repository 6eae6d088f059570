"""`dagnats workflow diff` as it is typed."""

import json
from pathlib import Path

import pytest

from dagnats.cli.main import main
from dagnats.compiler.pipeline import compile_workflow
from dagnats.ir.codec import encode

OLD = """
dagnats: 1
name: hello
input: {type: object, properties: {name: {type: string}}}
steps:
  - {id: greet, task: hello.greet, timeout: 1m, with: {name: "${{ input.?name.orValue('x') }}"}}
"""
SAME = OLD.replace("{id: greet, ", "{timeout: 60s, id: greet, ").replace(" timeout: 1m,", "")
NEW = OLD.replace("timeout: 1m", "timeout: 2m")
BREAKING = OLD.replace("{type: object, ", "{type: object, required: [name], ")
WRONG = OLD.replace("${{ input", "${{ inptu")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {"old": OLD, "same": SAME, "new": NEW, "breaking": BREAKING, "wrong": WRONG}
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    program = compile_workflow(OLD).program
    assert program is not None
    (tmp_path / "old.ir.json").write_bytes(encode(program))
    return {path.name.removesuffix(".yaml"): str(path) for path in tmp_path.iterdir()}


def diff(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["workflow", "diff", *words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("new", "code", "verdict"),
    [
        ("old", 0, "no difference"),
        ("same", 0, "no difference"),
        ("old.ir.json", 0, "no difference"),
        ("new", 1, "compatible"),
        ("breaking", 1, "breaking because `input.name` is now required"),
    ],
)
def test_two_files(
    new: str, code: int, verdict: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = diff(capsys, files["old"], files[new])
    assert (found, out.splitlines()[-1], err) == (0, verdict, "")
    assert diff(capsys, files["old"], files[new], "--exit-code")[0] == code


def test_what_is_changed_is_told(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = diff(capsys, files["old"], files["new"])
    assert out.startswith("Steps\n  ~ greet  normal\n      ~ timeout: 1m → 2m\n")


def test_json(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = diff(capsys, files["old"], files["breaking"], "--json", "--exit-code")
    document = json.loads(out)
    assert (code, err) == (1, "")
    assert (document["version"], document["identical"], document["compatible"]) == (1, False, False)
    assert document["workflow"] == [{"path": "input.required", "new": ["name"]}]


@pytest.mark.parametrize("pair", [("wrong", "old"), ("old", "wrong")])
def test_a_document_with_errors_is_1_with_its_findings(
    pair: tuple[str, str], files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = diff(capsys, *(files[name] for name in pair))
    assert (code, out) == (1, "")
    assert "inptu" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("hello",), "say what to compare it with"),
        (("/no/such.yaml", "/no/other.yaml"), "cannot read `/no/such.yaml`"),
    ],
)
def test_wrong_usage_is_2(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = diff(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
