"""A client of the language server protocol over stdio: what an editor does, and no more."""

import itertools
import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

WAIT_S = 60
STOP_S = 10
Message = dict[str, Any]
ENDED: Message = {}
CAPABILITIES = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {
            "completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}
        },
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {"versionSupport": True},
    },
}


@dataclass(slots=True)
class Client:
    """A session with one server. Everything that it waits for fails after `WAIT_S`."""

    process: "subprocess.Popen[bytes]"
    settings: Mapping[str, Any]
    _inbox: "queue.Queue[Message]" = field(default_factory=queue.Queue)
    _published: dict[str, list[Message]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self, root: Path) -> Message:
        """Say hello; returns what the server can do."""
        threading.Thread(target=self._listen, daemon=True).start()
        answer = self.request(
            "initialize",
            {
                "processId": None,
                "rootUri": root.as_uri(),
                "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
                "capabilities": CAPABILITIES,
            },
        )
        self.notify("initialized", {})
        self.notify("workspace/didChangeConfiguration", {"settings": dict(self.settings)})
        return dict(answer["capabilities"])

    def stop(self) -> None:
        """End the session and the server."""
        try:
            if self.process.poll() is None:
                self.request("shutdown", None)
                self.notify("exit", None)
                self.process.wait(STOP_S)
        finally:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                assert pipe is not None
                pipe.close()

    def request(self, method: str, params: Any) -> Any:
        """Ask, and return the answer; what the server asks meanwhile is answered."""
        number = next(self._numbers)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive(method)
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message["error"]
                return message.get("result")

    def notify(self, method: str, params: Any) -> None:
        """Tell."""
        self._send({"method": method, "params": params})

    def open(self, uri: str, text: str) -> list[Message]:
        """Open a document; returns the findings that the server publishes about it."""
        self.begin(uri, text)
        return self.findings(uri)

    def begin(self, uri: str, text: str) -> None:
        """Open a document."""
        self._published.pop(uri, None)
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})

    def findings(self, uri: str) -> list[Message]:
        """Return what the server has published, or publishes next, about an open document."""
        while uri not in self._published:
            self._receive(f"diagnostics of {uri}")
        return self._published[uri]

    def close(self, uri: str) -> None:
        """Close a document."""
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def at(self, method: str, uri: str, line: int, character: int) -> Any:
        """Ask about a place, which counts from 0."""
        place = {"line": line, "character": character}
        return self.request(
            f"textDocument/{method}", {"textDocument": {"uri": uri}, "position": place}
        )

    def _send(self, message: Message) -> None:
        assert self.process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _receive(self, wanted: str) -> Message:
        """Take the next message, and do what it asks for."""
        try:
            message = self._inbox.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no answer: {wanted}") from None
        assert message is not ENDED, f"the server ended: {wanted}"
        match message:
            case {"method": "textDocument/publishDiagnostics", "params": params}:
                self._published[params["uri"]] = params["diagnostics"]
            case {"method": "workspace/configuration", "id": number, "params": params}:
                answer = [self.settings.get(item["section"]) for item in params["items"]]
                self._send({"id": number, "result": answer})
            case {"method": _, "id": number}:
                self._send({"id": number, "result": None})
        return message

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while (message := _read(self.process.stdout)) is not None:
            self._inbox.put(message)
        self._inbox.put(ENDED)


def _read(stream: IO[bytes]) -> Message | None:
    """Return the next message of a stream; None at its end."""
    length = 0
    for line in iter(stream.readline, b"\r\n"):
        if not line:
            return None
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    body = stream.read(length)
    return dict(json.loads(body)) if len(body) == length else None


@contextmanager
def session(command: Sequence[str], root: Path, settings: Mapping[str, Any]) -> Iterator[Client]:
    """Run a language server until the end of the block."""
    with (root / "language-server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=root
        )
    client = Client(process, settings)
    try:
        client.start(root)
        yield client
    finally:
        client.stop()
