"""What a checkpoint keeps of a partition beside its runs: events, dead letters, keys, limits."""

from typing import Any

import msgspec

from dagnats.engine.letters import Letter, Letters
from dagnats.engine.mailbox import Mailbox
from dagnats.engine.partition import Contents, Partition


class _Rest(msgspec.Struct, array_like=True):
    events: list[tuple[int, dict[str, Any]]] = []
    letters: list[Letter] = []
    keys: list[tuple[str, str, str, int]] = []
    buckets: Any = None
    unspread: list[str] = []
    purging: dict[str, int] = {}
    latest: int = 0


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Rest).decode


def encode_rest(partition: Partition) -> bytes:
    """Return the rest of a partition as bytes."""
    keys = [(workflow, key, *of) for (workflow, key), of in partition.keys.items()]
    rest = _Rest(
        partition.mailbox.kept(),
        partition.letters.kept(),
        keys,
        partition.dispatcher.buckets(),
        list(partition.mailbox.unspread),
        partition.purging,
        partition.latest,
    )
    return _encode(rest)


def decode_rest(data: bytes, contents: Contents) -> None:
    """Put the rest of a partition into what is being recovered. Raises msgspec.DecodeError."""
    rest = _decode(data)
    contents.mailbox = Mailbox(rest.events, rest.unspread)
    contents.letters = Letters(rest.letters)
    contents.keys = {(workflow, key): (run, at) for workflow, key, run, at in rest.keys}
    contents.buckets = rest.buckets
    contents.purging = rest.purging
    contents.latest = rest.latest
