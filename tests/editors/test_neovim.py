"""What the page on editors says for Neovim is what Neovim does, with the server and the schema."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dagnats.lang.schema import workflow_schema
from tests.editors import yaml_server
from tests.editors.neovim import ask

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "editors.md"
SETUPS = {
    found[1]: found[0]
    for found in re.findall(
        r"```lua\n(vim\.lsp\.config\('(\w+)'.*?)```", PAGE.read_text(), re.DOTALL
    )
}
BROKEN = """\
dagnats: 1
name: hello
input: {type: object, properties: {who: {type: string}}, required: [who]}
steps:
  - id: fetch
    task: hello.fetch
  - id: greet
    task: hello.greet
    depends_on: [fetsh]
    when: steps.fetch.output.ok && input.who.size() > 0
"""


def at(text: str, mark: str, into: int = 0) -> dict[str, Any]:
    """Return a place: the first one of a text, and so many characters further."""
    offset = text.index(mark) + into
    return {
        "line": text.count("\n", 0, offset),
        "character": offset - text.rfind("\n", 0, offset) - 1,
    }


def test_the_language_server_in_neovim(tmp_path: Path) -> None:
    file = tmp_path / "hello.yaml"
    file.write_text(BROKEN, encoding="utf-8")
    questions = [
        {"method": "textDocument/completion", **at(BROKEN, "input.who", len("input."))},
        {"method": "textDocument/hover", **at(BROKEN, "input.who", len("input.w"))},
        {"method": "textDocument/rename", **at(BROKEN, "fetch"), "newName": "load"},
    ]
    found = ask([SETUPS["dagnats"]], file, "fetsh", questions)
    (finding,) = [each for each in found["findings"] if each["code"] == "DN3002"]
    place = at(BROKEN, "fetsh")
    assert (finding["line"], finding["column"]) == (place["line"], place["character"])
    assert finding["end_column"] == place["character"] + len("fetsh")
    assert finding["source"] == "dagnats"
    completion, hover, _ = found["answers"]
    items = completion["items"] if isinstance(completion, dict) else completion
    assert min(items, key=lambda item: item.get("sortText", item["label"]))["label"] == "who"
    assert "string" in json.dumps(hover["contents"])
    renamed = BROKEN.replace("id: fetch", "id: load").replace("steps.fetch", "steps.load")
    assert found["text"] == renamed


def test_the_schema_in_neovim(tmp_path: Path) -> None:
    schema = tmp_path / "workflow.schema.json"
    schema.write_text(json.dumps(workflow_schema()), encoding="utf-8")
    text = "# yaml-language-server: $schema=./workflow.schema.json\n"
    text += BROKEN.replace("depends_on: [fetsh]", "depend_on: [fetch]").replace(
        "when", "join: a\n    when"
    )
    file = tmp_path / "hello.yaml"
    file.write_text(text, encoding="utf-8")
    # What nvim-lspconfig says of this server.
    words = ", ".join(f"[[{word}]]" for word in yaml_server.command())
    base = f"vim.lsp.config('yamlls', {{cmd = {{{words}}}, filetypes = {{'yaml'}}}})"
    questions = [
        {"method": "textDocument/completion", **at(text, "join: a", len("join: "))},
        {"method": "textDocument/hover", **at(text, "task")},
    ]
    found = ask([base, SETUPS["yamlls"]], file, "depend_on", questions)
    (finding,) = [each for each in found["findings"] if "depend_on" in each["message"]]
    assert finding["line"] == at(text, "depend_on")["line"]
    completion, hover = found["answers"]
    assert "all_done" in [item["label"] for item in completion["items"]]
    assert "task" in json.dumps(hover["contents"]).lower()
