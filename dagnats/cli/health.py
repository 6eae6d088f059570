"""The health endpoint of `serve`: GET /health answers what the engine knows about itself."""

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

REQUEST_WAIT_S = 5


class Health:
    """A small HTTP server in a thread of its own: it answers even while the engine is busy."""

    def __init__(self, host: str, port: int, status: Callable[[], dict[str, Any]]) -> None:
        self._server = ThreadingHTTPServer((host, port), _handler(status))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Return where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(status: Callable[[], dict[str, Any]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_WAIT_S

        def do_GET(self) -> None:
            """Answer 200 while serving, 503 while not, 404 elsewhere."""
            if self.path.partition("?")[0] not in ("/health", "/"):
                self._answer(HTTPStatus.NOT_FOUND, {"error": f"nothing at {self.path}"})
                return
            document = status()
            serving = document.get("status") == "serving"
            code = HTTPStatus.OK if serving else HTTPStatus.SERVICE_UNAVAILABLE
            self._answer(code, document)

        def _answer(self, code: HTTPStatus, document: dict[str, Any]) -> None:
            body = msgspec.json.encode(document)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Keep the console for the operator."""

    return Handler
