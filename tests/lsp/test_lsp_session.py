"""The language server as an editor meets it: one real process, over stdio."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagnats.cli.main import main
from dagnats.diagnostics.selection import Selection
from tests.lsp.samples import chain, cursor, with_step
from tests.lsp.session import RefusalError, Session, edited, session

pytestmark = pytest.mark.slow

URI = "file:///home/ada/demo.yaml"
SMILE = 'with: {a: "😀 ${{ steps.first.output.kind }}", b: "😀😀${{ steps.nobody.output }}"}'


@pytest.fixture(scope="module")
def client() -> Iterator[Session]:
    with session() as started:
        yield started


@pytest.fixture
def uri(client: Session, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"file:///home/ada/{request.node.name[:40].replace('[', '-').replace(']', '')}.yaml"
    yield name
    client.notify("textDocument/didClose", {"textDocument": {"uri": name}})


def place(text: str, offset: int) -> tuple[int, int]:
    """The place of an offset, counted in UTF-16."""
    line = text.count("\n", 0, offset)
    start = text.rfind("\n", 0, offset) + 1
    return line, len(text[start:offset].encode("utf-16-le")) // 2


def marked(text: str) -> tuple[str, int, int]:
    text, offset = cursor(text)
    return text, *place(text, offset)


def changes(edit: Any, text: str) -> str:
    (change,) = edit["documentChanges"]
    return edited(text, change["edits"])


def codes(findings: list[dict[str, Any]]) -> set[str]:
    return {finding.get("code", "") for finding in findings}


def test_it_says_what_it_can_do(client: Session) -> None:
    can = client.can
    assert can["positionEncoding"] == "utf-16"
    assert can["renameProvider"] == {"prepareProvider": True}
    assert "." in can["completionProvider"]["triggerCharacters"]
    assert "source.fixAll.dagnats" in can["codeActionProvider"]["codeActionKinds"]


def test_findings_follow_the_text(client: Session, uri: str) -> None:
    good = with_step("task: shop.price", "when: steps.first.output.ok")
    assert not codes(client.open(uri, good)) & {"DN3002", "DN4001"}
    broken = good.replace("steps.first.output.ok", "steps.frist.output.ok")
    (finding,) = [f for f in client.change(uri, broken) if f["code"] == "DN3002"]
    line, character = place(broken, broken.index("steps.frist"))
    assert finding["range"]["start"] == {"line": line, "character": character}
    assert "did you mean `first`?" in finding["message"]
    assert (finding["source"], finding["severity"]) == ("dagnats", 1)
    page = Path(finding["codeDescription"]["href"].removeprefix("file://"))
    assert page.read_text().startswith("# DN3002")
    assert codes(client.change(uri, broken.replace("frist.output.ok", "first.output."))) & {
        "DN4001"
    }
    assert codes(client.change(uri, "name: [")) & {"DN1001", "DN1002", "DN1003", "DN1014", "DN1015"}
    assert not codes(client.change(uri, good)) & {"DN3002", "DN4001"}


def test_findings_have_tags_and_related_places(client: Session, uri: str) -> None:
    found = client.open(uri, with_step("task: shop.price", "depends_on: [first, first]"))
    (finding,) = [f for f in found if f["code"] == "DN9002"]
    assert finding["tags"] == [1]
    (related,) = finding["relatedInformation"]
    assert related["message"] == "first here"
    assert related["location"]["uri"] == uri
    found = client.change(uri, with_step("task: shop.price", "dependsOn: [first]"))
    assert [f for f in found if f["code"].startswith("DN2")]


def test_places_count_utf_16(client: Session, uri: str) -> None:
    text = with_step("task: shop.price", SMILE)
    (finding,) = [f for f in client.open(uri, text) if f["code"] == "DN3002"]
    start = place(text, text.index("steps.nobody"))
    assert (finding["range"]["start"]["line"], finding["range"]["start"]["character"]) == start
    at = text.index("first.output.kind") + 1
    (definition,) = client.at("definition", uri, *place(text, at))
    line, character = place(text, text.index("id: first") + 4)
    assert definition["range"]["start"] == {"line": line, "character": character}
    after = changes(client.at("rename", uri, *place(text, at), newName="begin"), text)
    assert after == text.replace("first", "begin")


def test_the_client_may_count_otherwise() -> None:
    text = with_step("task: shop.price", SMILE)
    line = text[: text.index("steps.nobody")].rpartition("\n")[2]
    for encoding, units in (("utf-8", len(line.encode())), ("utf-32", len(line))):
        with session(general={"positionEncodings": [encoding]}) as other:
            (finding,) = [f for f in other.open(URI, text) if f["code"] == "DN3002"]
            assert finding["range"]["start"]["character"] == units


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way(client: Session, uri: str, line_break: str) -> None:
    text = with_step("task: shop.price", "when: steps.nobody.output.ok")
    found = client.open(uri, text.replace("\n", line_break))
    (finding,) = [f for f in found if f["code"] == "DN3002"]
    line, character = place(text, text.index("steps.nobody"))
    assert finding["range"]["start"] == {"line": line, "character": character}


@pytest.mark.parametrize(
    ("line", "labels"),
    [
        ("when: steps.first.output.|", {"ok", "kind", "some-name"}),
        ("when: steps.first.output.kind == |", {"low", "high"}),
        ("when: |", {"input", "steps", "has", "size"}),
        ("with: {a: '${{ input.order.|", {"id", "total", "note?"}),
        ("depends_on: [|]", {"first", "fan", "last"}),
        ("task: |", {"shop.price"}),
    ],
)
def test_completion(client: Session, uri: str, line: str, labels: set[str]) -> None:
    text, number, character = marked(with_step(line))
    client.open(uri, text)
    found = client.at("completion", uri, number, character)
    assert labels <= {item["label"] for item in found["items"]}
    for item in found["items"]:
        assert item["textEdit"]["range"]["end"] == {"line": number, "character": character}


def test_a_completion_that_is_taken_is_right(client: Session, uri: str) -> None:
    text, number, character = marked(with_step("task: shop.price", "when: input.order.no| == null"))
    client.open(uri, text)
    items = client.at("completion", uri, number, character)["items"]
    (item,) = [item for item in items if item["label"] == "note?"]
    assert "when: input.order.?note == null" in edited(text, [item["textEdit"]])


def test_hover_and_signatures(client: Session, uri: str) -> None:
    text, number, character = marked(with_step("when: input.order.id.startsWith(|'a')"))
    client.open(uri, text)
    found = client.at("hover", uri, number, character - 14)
    assert "string" in found["contents"]["value"]
    help_ = client.at("signatureHelp", uri, number, character)
    assert help_["signatures"][0]["label"] == "string.startsWith(string) → bool"
    assert client.at("hover", uri, 0, 0) is not None
    client.at("hover", uri, 999, 999)


def test_definition_references_and_highlights(client: Session, uri: str) -> None:
    text = with_step("task: shop.price", "depends_on: [first]", "when: steps['first'].output.ok")
    client.open(uri, text)
    at = place(text, text.index("['first']") + 3)
    (definition,) = client.at("definition", uri, *at)
    assert definition["range"]["start"]["line"] == text[: text.index("id: first")].count("\n")
    everywhere = client.at("references", uri, *at, context={"includeDeclaration": True})
    used = client.at("references", uri, *at, context={"includeDeclaration": False})
    assert (len(everywhere), len(used)) == (3, 2)
    kinds = [h["kind"] for h in client.at("documentHighlight", uri, *at)]
    assert sorted(kinds) == [2, 2, 3]
    task = place(text, text.index("task: shop.price") + 8)
    (contract,) = client.at("definition", uri, *task)
    assert contract["range"]["start"]["line"] == text[: text.index("shop.price:")].count("\n")
    variable = text.replace("when: steps['first'].output.ok", "when: vars.limit > 1.0")
    client.change(uri, variable)
    (found,) = client.at("definition", uri, *place(variable, variable.index("vars.limit") + 6))
    assert found["range"]["start"]["line"] == variable[: variable.index("limit:")].count("\n")


def test_rename(client: Session, uri: str) -> None:
    text = with_step("task: shop.price", "depends_on: [first]", 'when: steps["first"].output.ok')
    client.open(uri, text)
    at = place(text, text.index("id: first") + 5)
    prepared = client.at("prepareRename", uri, *at)
    assert prepared["placeholder"] == "first"
    edit = client.at("rename", uri, *at, newName="a-b")
    assert edit["documentChanges"][0]["textDocument"]["version"] == 1
    after = changes(edit, text)
    assert after == text.replace("first", "a-b")
    with pytest.raises(RefusalError, match="is no id"):
        client.at("rename", uri, *at, newName="a b")
    with pytest.raises(RefusalError, match="there is a step `fan` already"):
        client.at("rename", uri, *at, newName="fan")
    with pytest.raises(RefusalError, match="nothing that can be renamed"):
        client.at("rename", uri, 0, 0, newName="x")
    assert client.at("prepareRename", uri, 0, 0) is None
    assert codes(client.change(uri, after)) == codes(client.change(uri, text))


def whole(text: str) -> dict[str, Any]:
    return {
        "start": {"line": 0, "character": 0},
        "end": {"line": text.count("\n"), "character": 0},
    }


OLD = (
    "dagnats: 1\nname: old\nsteps:\n- id: a\n  task: t\n  dependsOn: [b]\n"
    "- id: b\n  task: t\n  dependsOn: []\n"
)


def test_code_actions(client: Session, uri: str) -> None:
    text = with_step("task: shop.price", "depends_on: [frist]", "retry: {max_retries: 1}")
    client.open(uri, text)
    actions = client.ask("codeAction", uri, range=whole(text), context={"diagnostics": []})
    (fix,) = [a for a in actions if "write `first`" in a["title"]]
    assert fix["title"] == "write `first` (unsafe)"
    assert not fix["isPreferred"]
    assert fix["diagnostics"][0]["code"] == "DN3002"
    assert "ignore DN3002 here" not in [a["title"] for a in actions], "errors are not ignored"
    after = changes(fix["edit"], text)
    assert after == text.replace("frist", "first")
    assert "DN3002" not in codes(client.change(uri, after))


def test_a_finding_can_be_ignored(client: Session, uri: str) -> None:
    text = with_step("task: shop.price", "depends_on: [first, first]")
    client.open(uri, text)
    context = {"diagnostics": [], "only": ["quickfix"]}
    actions = client.ask("codeAction", uri, range=whole(text), context=context)
    (ignore,) = [a for a in actions if a["title"] == "ignore DN9002 here"]
    found = client.change(uri, changes(ignore["edit"], text))
    assert not codes(found) & {"DN9002", "DN9010", "DN9011", "DN9012"}


def test_all_safe_fixes_at_once(client: Session, uri: str) -> None:
    client.open(uri, OLD)
    context = {"diagnostics": [], "only": ["source.fixAll"]}
    (action,) = client.ask("codeAction", uri, range=whole(OLD), context=context)
    assert "edit" not in action
    resolved = client.request("codeAction/resolve", action)
    after = changes(resolved["edit"], OLD)
    assert "dependsOn" not in after
    left = client.change(uri, after)
    assert "DN9001" not in codes(left)
    assert client.ask("codeAction", uri, range=whole(after), context=context) == []


def test_symbols_and_ranges(client: Session, uri: str) -> None:
    text = with_step("task: shop.price", "when: steps.first.output.ok")
    client.open(uri, text)
    symbols = {symbol["name"]: symbol for symbol in client.ask("documentSymbol", uri)}
    assert list(symbols) == ["input", "tasks", "events", "vars", "steps"]
    steps = symbols["steps"]["children"]
    assert [step["name"] for step in steps] == ["first", "second", "fan", "last"]
    assert [step["name"] for step in steps[2]["children"]] == ["inner"]
    lines = text.split("\n")
    folds = {f["startLine"]: f["endLine"] for f in client.ask("foldingRange", uri)}
    begin = lines.index("steps:")
    assert lines[folds[begin]].strip() == "with: {a: 3}"
    number, character = place(text, text.index("first.output.ok"))
    at = {"line": number, "character": character}
    (selection,) = client.ask("selectionRange", uri, positions=[at])
    widths = []
    while selection:
        widths.append(selection["range"])
        selection = selection.get("parent")
    assert len(widths) >= 5
    assert widths[0]["start"]["line"] == widths[0]["end"]["line"]


def test_lens_tokens_and_formatting(client: Session, uri: str) -> None:
    text = with_step("task:   shop.price", "when: steps.first.output.ok && 'a' != 'b'")
    client.open(uri, text)
    (lens,) = client.ask("codeLens", uri)
    assert lens["range"]["start"]["line"] == 1
    assert "attempts" in lens["command"]["title"]
    data = client.ask("semanticTokens/full", uri)["data"]
    assert len(data) % 5 == 0
    assert {0, 1, 3} <= set(data[3::5])
    options = {"tabSize": 2, "insertSpaces": True}
    edits = client.ask("formatting", uri, options=options)
    after = edited(text, edits)
    assert "task: shop.price" in after
    client.change(uri, after)
    assert client.ask("formatting", uri, options=options) == []


def test_imports(client: Session, tmp_path: Path) -> None:
    library = tmp_path / "tasks.yaml"
    library.write_text(
        "tasks:\n  far.task:\n    output:\n"
        "      {type: object, properties: {n: {type: integer}}, required: [n]}\n"
    )
    main = (tmp_path / "main.yaml").as_uri()
    text = (
        "dagnats: 1\nname: main\nimports: [tasks.yaml]\nsteps:\n- id: a\n  task: far.task\n"
        "- id: b\n  task: far.task\n  when: steps.a.output.n > 1\n"
    )
    assert "DN5002" not in codes(client.open(main, text))
    at = place(text, text.index("tasks.yaml"))
    (definition,) = client.at("definition", main, *at)
    assert definition["uri"] == library.as_uri()
    (definition,) = client.at("definition", main, *place(text, text.index("far.task")))
    assert (definition["uri"], definition["range"]["start"]["line"]) == (library.as_uri(), 1)
    # An open file counts as it is in the editor, and who imports it is judged again.
    shared = library.as_uri()
    client.open(shared, "dagnats: 1\n" + library.read_text())
    before = len(client.published)
    client.change(
        shared, "dagnats: 1\n" + library.read_text().replace("[n]", "[m]").replace("{n:", "{m:")
    )
    while not any(p["uri"] == main for p in client.published[before:]):
        client._take("findings of the importing document")
    assert "DN5002" in codes([p for p in client.published if p["uri"] == main][-1]["diagnostics"])
    assert [s["name"] for s in client.ask("documentSymbol", shared)] == ["tasks"]
    found = client.change(shared, "dagnats: 1\ntasks: {far.task: {output: {type: nonsense}}}\n")
    assert found
    told = client.change(main, text + "# touched\n")
    assert codes(told) == codes(found)
    for finding in told:
        assert finding["range"]["start"] == {"line": 2, "character": 10}
        assert finding["message"].startswith("tasks.yaml: ")
        assert finding["relatedInformation"][0]["location"]["uri"] == shared
    for uri in (main, shared):
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_files_that_are_not_open_are_watched(tmp_path: Path) -> None:
    library, main_ = tmp_path / "tasks.yaml", tmp_path / "main.yaml"
    library.write_text("tasks: {far.task: {}}\n")
    text = "dagnats: 1\nname: main\nimports: [tasks.yaml]\nsteps:\n- {id: a, task: far.task}\n"
    workspace = {"didChangeWatchedFiles": {"dynamicRegistration": True}}
    with session(workspace=workspace) as fresh:
        assert "DN2012" not in codes(fresh.open(main_.as_uri(), text))
        assert "client/registerCapability" in fresh.asked
        library.unlink()
        changed = [{"uri": library.as_uri(), "type": 3}]
        fresh.notify("workspace/didChangeWatchedFiles", {"changes": changed})
        assert "DN2012" in codes(fresh.findings(main_.as_uri()))


def test_what_is_not_ours_is_left_alone(client: Session, uri: str) -> None:
    compose = "services:\n  web: {image: nginx}\n"
    assert client.open(uri, compose) == []
    assert client.at("completion", uri, 0, 3) is None
    assert client.at("hover", uri, 0, 3) is None
    assert client.ask("documentSymbol", uri) is None
    assert codes(client.change(uri, "dagnats: 1\n" + compose))
    assert codes(client.change(uri, compose)), "what was ours stays ours"


@pytest.mark.parametrize(
    "text",
    [
        "dagnats: 1\n" + "a: [" * 2000,
        "dagnats: 1\nname: &a [*a]\n",
        "dagnats: 1\n\x00",
        "\ufeffdagnats: 1\n",
    ],
)
def test_odd_texts_are_no_trouble(client: Session, uri: str, text: str) -> None:
    assert client.open(uri, text)
    for method in ("hover", "completion", "signatureHelp", "definition", "prepareRename"):
        client.at(method, uri, 1, 3)
    for method in ("documentSymbol", "codeLens", "semanticTokens/full"):
        client.ask(method, uri)
    assert client.logged == []


def test_a_huge_text_is_not_judged(client: Session, uri: str) -> None:
    (notice,) = client.open(uri, "dagnats: 1\n# " + "x" * 1_000_001)
    assert "dagnats lint" in notice["message"]
    assert notice["severity"] == 3
    assert client.ask("documentSymbol", uri) is None


def test_only_the_last_of_many_texts_is_judged(client: Session, uri: str) -> None:
    text = chain(300)
    client.open(uri, text)
    before = len(client.published)
    for number in range(40):
        client.change(uri, text.replace("s100.output.ok", f"s100.output.no{number}"), wait=False)
    (finding,) = client.findings(uri)
    assert "no39" in finding["message"]
    told = [p["version"] for p in client.published[before:] if p["uri"] == uri]
    assert told == sorted(told)
    assert len(set(told)) <= 10, "texts that were replaced at once are not judged"


def test_settings_choose_findings(client: Session, tmp_path: Path) -> None:
    (tmp_path / "dagnats.toml").write_text('[lint]\nignore = ["DN9002"]\n')
    uri = (tmp_path / "w.yaml").as_uri()
    text = with_step("task: shop.price", "depends_on: [first, first]")
    assert "DN9002" not in codes(client.open(uri, text))
    (tmp_path / "dagnats.toml").write_text("[lint]\nstrict = true\n")
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    found = client.change(uri, text + "# touched\n")
    (finding,) = [f for f in found if f["code"] == "DN9002"]
    assert finding["severity"] == 1
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})


def test_closing_takes_the_findings_away(client: Session, uri: str) -> None:
    assert client.open(uri, "dagnats: 1\nname: 1\n")
    before = len(client.published)
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    assert client.ask("documentSymbol", uri) is None
    assert client.published[before:][-1] == {"uri": uri, "diagnostics": []}


def test_without_goodbye_it_is_1() -> None:
    with session() as fresh:
        fresh.notify("exit", None)
        assert fresh.process.wait(10) == 1


def test_a_client_that_is_gone_ends_it() -> None:
    with session() as fresh:
        assert fresh.process.stdin is not None
        fresh.process.stdin.close()
        assert fresh.process.wait(10) == 1


def test_a_failing_answer_is_logged_and_is_none() -> None:
    from dagnats.lsp.server import create, guarded

    server = create(lambda _: (Selection(), False))
    logged: list[Any] = []
    server.log = logged.append  # type: ignore[method-assign]

    def broken(*_: Any) -> None:
        raise KeyError("ours")

    assert guarded(broken)(server, None) is None
    assert [repr(error) for error in logged] == ["KeyError('ours')"]


def test_over_tcp() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "dagnats.cli.main", "lsp", "--tcp", f"127.0.0.1:{port}"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        assert b"listening on" in process.stderr.readline()
        body = json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "initialize",
                "params": {"processId": None, "rootUri": None, "capabilities": {}},
            }
        ).encode()
        with connected(port) as wire:
            wire.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert b"Content-Length" in wire.recv(1024)
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def connected(port: int) -> socket.socket:
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize("address", ["nowhere", "host:", ":1", "h:0", "h:99999", "h:x"])
def test_an_address_that_is_none(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lsp", "--tcp", address]) == 2
    assert "is no HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["pygls", "lsprotocol"])
def test_without_the_extra_it_says_what_to_install(missing: str) -> None:
    program = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from dagnats.cli.main import main; sys.exit(main(['lsp']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 2
    assert b"pip install 'dagnats[lsp]'" in done.stderr
