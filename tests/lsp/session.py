"""A client of the language server over stdio: what an editor does, and no more."""

import itertools
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

WAIT_S = 60
STOP_S = 10
Message = dict[str, Any]
ENDED: Message = {}
CAPABILITIES: Message = {
    "workspace": {"workspaceEdit": {"documentChanges": True}},
    "textDocument": {
        "publishDiagnostics": {"versionSupport": True, "relatedInformation": True},
        "completion": {"completionItem": {"snippetSupport": True}},
        "rename": {"prepareSupport": True},
        "codeAction": {"resolveSupport": {"properties": ["edit"]}},
    },
}


class RefusalError(Exception):
    """What the server answers when it refuses; the message is its own."""


class Session:
    """One session with one server. Whatever it waits for fails after `WAIT_S`."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.published: list[Message] = []
        self.logged: list[str] = []
        self.asked: list[str] = []
        self.can: Message = {}
        self._texts: dict[str, tuple[str, int]] = {}
        self._inbox: queue.Queue[Message] = queue.Queue()
        self._numbers = itertools.count(1)
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, **capabilities: Any) -> None:
        """Say hello; `can` is what the server says that it can do."""
        params = {
            "processId": None,
            "rootUri": None,
            "capabilities": {**CAPABILITIES, **capabilities},
        }
        answer = self.request("initialize", params)
        self.can = answer["capabilities"]
        self.notify("initialized", {})

    def open(self, uri: str, text: str) -> list[Message]:
        """Open a document; returns its findings."""
        self._texts[uri] = (text, 1)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return self.findings(uri)

    def change(self, uri: str, text: str, *, wait: bool = True) -> list[Message]:
        """Give a document another text; returns its findings."""
        version = self._texts[uri][1] + 1
        self._texts[uri] = (text, version)
        document = {"uri": uri, "version": version}
        changes = [{"text": text}]
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": changes})
        return self.findings(uri) if wait else []

    def next_findings(self, uri: str, text: str) -> None:
        """Give a document another text, and wait for the first word about it."""
        before = len(self.published)
        self.change(uri, text, wait=False)
        while len(self.published) == before:
            self._take("findings")

    def findings(self, uri: str) -> list[Message]:
        """Return the last findings about the document as it is now, when all were published."""
        version = self._texts[uri][1]
        while not any(p["uri"] == uri and p.get("version") == version for p in self.published):
            self._take(f"findings of version {version}")
        self.ask("foldingRange", uri)  # which is answered when the document is fully judged
        return [p for p in self.published if p["uri"] == uri][-1]["diagnostics"]

    def at(self, method: str, uri: str, line: int, character: int, **more: Any) -> Any:
        """Ask about a place, which counts from 0."""
        return self.ask(method, uri, position={"line": line, "character": character}, **more)

    def ask(self, method: str, uri: str, **more: Any) -> Any:
        """Ask about a document."""
        return self.request(f"textDocument/{method}", {"textDocument": {"uri": uri}, **more})

    def request(self, method: str, params: Any) -> Any:
        """Ask, and return the answer; raises RefusalError."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._take(method)
            if message.get("id") == number and "method" not in message:
                if "error" in message:
                    raise RefusalError(message["error"]["message"])
                return message.get("result")

    def notify(self, method: str, params: Any) -> None:
        """Tell."""
        self._send({"method": method, "params": params})

    def stop(self) -> int:
        """Say goodbye; returns the exit code of the server."""
        self.request("shutdown", None)
        self.notify("exit", None)
        return self.process.wait(STOP_S)

    def _send(self, message: Message) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _take(self, wanted: str) -> Message:
        try:
            message = self._inbox.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no answer: {wanted}") from None
        assert message is not ENDED, f"the server ended: {wanted}"
        match message:
            case {"method": "textDocument/publishDiagnostics", "params": params}:
                self.published.append(params)
            case {"method": "window/logMessage" | "window/showMessage", "params": params}:
                self.logged.append(params["message"])
            case {"method": method, "id": number}:
                self.asked.append(method)
                self._send({"id": number, "result": None})
        return message

    def _listen(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                line = stream.readline()
            self._inbox.put(json.loads(stream.read(length)))
        self._inbox.put(ENDED)


@contextmanager
def session(**capabilities: Any) -> Iterator[Session]:
    """Start a server and say hello; it is ended, whatever happens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dagnats.cli.main", "lsp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        client = Session(process)
        client.start(**capabilities)
        yield client
        if process.poll() is None:
            assert client.stop() == 0
        assert client.logged == []
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def edited(text: str, edits: list[Message]) -> str:
    """Return a text after edits whose positions count UTF-16, as an editor makes them."""
    lines = text.split("\n")
    starts = list(itertools.accumulate((len(line) + 1 for line in lines), initial=0))

    def offset(place: Message) -> int:
        line = lines[place["line"]] if place["line"] < len(lines) else ""
        units = line.encode("utf-16-le")[: 2 * place["character"]]
        return starts[place["line"]] + len(units.decode("utf-16-le"))

    for edit in sorted(edits, key=lambda e: offset(e["range"]["start"]), reverse=True):
        start, end = offset(edit["range"]["start"]), offset(edit["range"]["end"])
        text = text[:start] + edit["newText"] + text[end:]
    return text
