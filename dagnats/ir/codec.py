"""The program as canonical JSON, and back: `docs/ir.md`, `schemas/ir.schema.json`.

This is the door; `node_forms`, `policy_forms` and `expressions` know the serialised form, and
`conversion` the way between it and the program.
"""

from typing import Any

import msgspec

from dagnats.collection import uncollected
from dagnats.errors import BrokenError
from dagnats.ir.canonical import canonical, digest_of, parse
from dagnats.ir.conversion import decode_program, encode_program
from dagnats.ir.node_forms import ProgramForm
from dagnats.ir.program import Program
from dagnats.ir.upcasting import upcast
from dagnats.ir.verify import verify

VIOLATIONS_SHOWN_MAX = 3


def encode(program: Program) -> bytes:
    """Return the canonical bytes of a verified program; `load` gives an equal program back."""
    with uncollected():
        return canonical(msgspec.to_builtins(encode_program(program)))


def digest(program: Program) -> str:
    """Return `sha256:` and the hash of the canonical form without the source map, in hex."""
    with uncollected():
        return digest_of(msgspec.to_builtins(encode_program(program)))


def to_document(program: Program) -> dict[str, Any]:
    """Return the canonical document with its `digest` in front, keys in an order for people."""
    with uncollected():
        document = msgspec.to_builtins(encode_program(program))
        return {"digest": digest_of(document), **document}


def load(data: bytes, expected: str | None = None) -> Program:
    """Return the program that a document of this version, or an older one, stands for; it is sound.

    Layout and order of keys do not matter. The digest of the document as it stands, in its own
    version, must be the `expected` one if there is one, and the one that it gives if it gives one.
    Raises BrokenError, saying where, for anything that is not a program.
    """
    with uncollected():
        try:
            document = parse(data)
            _check_digest(document, expected)
            program = decode_program(_shaped(upcast(document)))
        except RecursionError:
            raise BrokenError("at $: the document is nested too deep") from None
        if violations := verify(program):
            shown = "; ".join(violations[:VIOLATIONS_SHOWN_MAX])
            more = len(violations) - VIOLATIONS_SHOWN_MAX
            raise BrokenError(f"{shown}; and {more} more" if more > 0 else shown)
        return program


def _check_digest(document: dict[str, Any], expected: str | None) -> None:
    """Take the `digest` out of a document and hold it against the content."""
    stated = [document.pop("digest")] if "digest" in document else []
    if not stated and expected is None:
        return
    found = digest_of(document)
    if stated not in ([], [found]):
        raise BrokenError("at $.digest: the content has another digest: it was changed")
    if expected not in {None, found}:
        raise BrokenError(f"at $: the content has the digest {found}, not {expected}")


def _shaped(document: dict[str, Any]) -> ProgramForm:
    try:
        return msgspec.convert(document, ProgramForm)
    except msgspec.ValidationError as wrong:
        what, _, path = str(wrong).partition(" - at ")
        place = path.strip("`") or "$"
        raise BrokenError(f"at {place}: {what[:1].lower()}{what[1:]}") from None
