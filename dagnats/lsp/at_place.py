"""Answers about a place: positions of the protocol become offsets, and offsets positions."""

import functools
from pathlib import Path

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from dagnats.diagnostics.diagnostic import Sink
from dagnats.lsp import names, outlining, showing
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.completion import Completer
from dagnats.lsp.desk import Open
from dagnats.lsp.hover import hover, signature_help
from dagnats.lsp.positions import Lines
from dagnats.lsp.session import REQUEST_FAILED, Server
from dagnats.source.document import locate
from dagnats.source.reader import read


def on_completion(server: Server, params: lsp.CompletionParams) -> lsp.CompletionList | None:
    """Say what can stand at a place."""
    place = server.place(params.text_document.uri, params.position)
    if place is None:
        return None
    document, offset = place
    load = server.desk.load(document)
    completer = Completer(document.text, document.path, document.lines, server.desk.analyst, load)
    return lsp.CompletionList(is_incomplete=False, items=completer.at(offset))


def on_hover(server: Server, params: lsp.HoverParams) -> lsp.Hover | None:
    """Say what a place is."""
    place = server.place(params.text_document.uri, params.position)
    known = server.known(params.text_document.uri)
    if place is None or known is None:
        return None
    document, offset = place
    told = hover(known[1], offset)
    if told is None:
        return None
    text, start, end = told
    content = lsp.MarkupContent(lsp.MarkupKind.Markdown, text)
    return lsp.Hover(content, showing.ranged(document.lines, start, end))


def on_signature(server: Server, params: lsp.SignatureHelpParams) -> lsp.SignatureHelp | None:
    """Say how the call around a place can go on."""
    place = server.place(params.text_document.uri, params.position)
    if place is None:
        return None
    document, offset = place
    load = server.desk.load(document)
    return signature_help(document.text, document.path, offset, server.desk.analyst, load)


def _mentioned(
    server: Server, uri: str, position: lsp.Position
) -> tuple[Open, Analysis, tuple[names.Mention, ...], names.Mention] | None:
    place, known = server.place(uri, position), server.known(uri)
    if place is None or known is None:
        return None
    document, offset = place
    found = names.mentions(known[1])
    one = names.mention_at(found, offset)
    return None if one is None else (document, known[1], found, one)


def _location(document: Open, mention: names.Mention) -> lsp.Location:
    return lsp.Location(document.uri, showing.ranged(document.lines, mention.start, mention.end))


def on_definition(server: Server, params: lsp.DefinitionParams) -> list[lsp.Location] | None:
    """Say where what is named at a place is defined."""
    found = _mentioned(server, params.text_document.uri, params.position)
    if found is None:
        return _field(server, params.text_document.uri, params.position)
    document, analysis, all_, one = found
    load = server.desk.load(document)
    if one.kind == names.IMPORT:
        loaded = None if load is None else load(document.path, one.name)
        if loaded is None or isinstance(loaded, str):
            return None
        start = lsp.Position(0, 0)
        return [lsp.Location(Path(loaded.name).absolute().as_uri(), lsp.Range(start, start))]
    here = [_location(document, each) for each in names.definitions(all_, one)]
    return here or _imported(analysis, one)


def _field(server: Server, uri: str, position: lsp.Position) -> list[lsp.Location] | None:
    """Return where the schema of the document declares the field at a place."""
    place, known = server.place(uri, position), server.known(uri)
    if place is None or known is None:
        return None
    document, offset = place
    entry = names.field_definition(known[1], offset)
    if entry is None:
        return None
    span = entry.key_span
    start, end = span.start.offset, span.end.offset
    return [lsp.Location(uri, showing.ranged(document.lines, start, end))]


def _imported(analysis: Analysis, one: names.Mention) -> list[lsp.Location] | None:
    """Return where an imported file defines a task."""
    if one.kind != names.TASK or analysis.workflow is None:
        return None
    contract = analysis.workflow.tasks.get(one.name)
    if contract is None or contract.file is None:
        return None
    document = read(contract.file.text, contract.file.name, Sink())
    entry = None if document is None else locate(document.root, ["tasks", one.name])[1]
    span = contract.span if entry is None or entry.key != one.name else entry.key_span
    uri = Path(contract.file.name).absolute().as_uri()
    place = showing.ranged(Lines(contract.file.text), span.start.offset, span.end.offset)
    return [lsp.Location(uri, place)]


def on_references(server: Server, params: lsp.ReferenceParams) -> list[lsp.Location] | None:
    """Say where what is named at a place is named."""
    found = _mentioned(server, params.text_document.uri, params.position)
    if found is None:
        return None
    document, _, all_, one = found
    with_own = params.context.include_declaration
    return [
        _location(document, each)
        for each in names.same(all_, one)
        if with_own or not each.is_definition
    ]


def on_highlights(
    server: Server, params: lsp.DocumentHighlightParams
) -> list[lsp.DocumentHighlight] | None:
    """Say where else in the document it is named."""
    found = _mentioned(server, params.text_document.uri, params.position)
    if found is None:
        return None
    document, _, all_, one = found
    write, read = lsp.DocumentHighlightKind.Write, lsp.DocumentHighlightKind.Read
    return [
        lsp.DocumentHighlight(
            showing.ranged(document.lines, each.start, each.end),
            write if each.is_definition else read,
        )
        for each in names.same(all_, one)
    ]


def on_prepare(
    server: Server, params: lsp.PrepareRenameParams
) -> lsp.PrepareRenamePlaceholder | None:
    """Say what at a place could be renamed."""
    found = _mentioned(server, params.text_document.uri, params.position)
    if found is None or found[3].kind not in names.RENAMED:
        return None
    document, _, _, one = found
    return lsp.PrepareRenamePlaceholder(
        showing.ranged(document.lines, one.start, one.end), one.name
    )


def on_rename(server: Server, params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
    """Give what is named at a place another name."""
    found = _mentioned(server, params.text_document.uri, params.position)
    if found is None:
        raise JsonRpcException("here is nothing that can be renamed", REQUEST_FAILED)
    document, analysis, _, one = found
    try:
        return server.edit(document, names.renamed(analysis, one, params.new_name))
    except names.RefusedError as refused:
        raise JsonRpcException(str(refused), REQUEST_FAILED) from refused


def on_selection(
    server: Server, params: lsp.SelectionRangeParams
) -> list[lsp.SelectionRange] | None:
    """Say how a selection grows."""
    known = server.known(params.text_document.uri)
    if known is None:
        return None
    document, analysis = known
    ranged = functools.partial(showing.ranged, document.lines)
    offsets = [document.lines.offset(at.line, at.character) for at in params.positions]
    return [outlining.selections(analysis, offset, ranged) for offset in offsets]
