"""What the Go dagnats leaves open to everybody, tried on a real server."""

import json
import socket
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.harness import served

pytestmark = pytest.mark.slow


def answer_to(url: str, who: dict[str, str]) -> bytes:
    """Return what a NATS server says to somebody who comes in and asks whether it is there."""
    address = urlsplit(url)
    assert address.hostname is not None
    with socket.create_connection((address.hostname, address.port or 4222), 10) as connection:
        heard = b""
        connection.sendall(f"CONNECT {json.dumps(who)}\r\nPING\r\n".encode())
        while b"PONG" not in heard and (part := connection.recv(4096)):
            heard += part
        return heard


def test_nobody_comes_in_without_credentials(tmp_path: Path) -> None:
    with served(tmp_path):
        where = json.loads((tmp_path / "serve.json").read_text())
        path = Path(where["credentials"])
        known = json.loads(path.read_text())
        user, password = known["user"], known["password"]
        for who in ({}, {"user": user}, {"user": user, "pass": "guess"}):
            heard = answer_to(where["nats_url"], who)
            assert b"Authorization Violation" in heard
            assert b"PONG" not in heard
        assert b"PONG" in answer_to(where["nats_url"], {"user": user, "pass": password})
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
