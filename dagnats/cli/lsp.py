"""`dagnats lsp`: the language server, for an editor that starts it."""

import gc
import os
import sys
from contextlib import redirect_stdout

from dagnats.cli import output
from dagnats.diagnostics.selection import Selection
from dagnats.errors import UsageError

COLLECTED_AFTER = 200_000
"""Objects that come about between two looks of the collector: one text makes that many at once."""


def serve(tcp: str | None) -> int:
    """Serve one client, over stdio or at `tcp`; returns 0 when it has said goodbye, else 1."""
    address = None if tcp is None else _address(tcp)
    try:
        from dagnats.lsp.server import create
    except ImportError as missing:
        if missing.name is None or missing.name.split(".")[0] not in {"pygls", "lsprotocol"}:
            raise
        raise UsageError(
            "the language server needs the extra `lsp`: pip install 'dagnats[lsp]'"
        ) from missing
    server = create(_chosen)
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    if address is None:
        # What anybody else prints must not come between the messages.
        with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as wire, redirect_stdout(sys.stderr):
            server.start_io(stdout=wire)
    else:
        output.say(f"listening on {address[0]}:{address[1]}")
        try:
            server.start_tcp(*address)
        except OSError as wrong:
            raise UsageError(f"cannot listen on `{tcp}`: {wrong.strerror or wrong}") from wrong
    return 0 if server.is_shut_down else 1


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"`{text}` is no HOST:PORT")
    return host.strip("[]"), int(port)


def _chosen(path: str) -> tuple[Selection, bool]:
    """Return which findings are wanted of a document, by the settings that hold for it."""
    from dagnats.cli.config import Configuration, Flags

    settings = Configuration(Flags()).settings(path or "untitled.yaml")
    return settings.selection, settings.strict
