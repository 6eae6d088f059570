"""Answers about a whole document."""

import functools
from typing import Any

from lsprotocol import types as lsp

from dagnats.diagnostics.diagnostic import Diagnostic
from dagnats.diagnostics.fixes import usable
from dagnats.lsp import actions, colours, outlining, showing, wording
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.session import Server
from dagnats.source.document import Mapping
from dagnats.source.format import format_text


def on_actions(server: Server, params: lsp.CodeActionParams) -> list[lsp.CodeAction] | None:
    """Say what can be done about the findings in a range."""
    known = server.known(params.text_document.uri)
    if known is None:
        return None
    document, analysis = known
    start = document.lines.offset(params.range.start.line, params.range.start.character)
    end = document.lines.offset(params.range.end.line, params.range.end.character)
    edited = functools.partial(server.edit, document)
    shown = functools.partial(server.shown, document, analysis)
    only = None if params.context.only is None else [str(_value(k)) for k in params.context.only]
    found: list[lsp.CodeAction] = []
    if _is_wanted(only, "quickfix"):
        found += actions.quick_fixes(analysis, start, end, edited, shown)
        found += actions.ignoring(analysis, start, end, edited, shown)
    if _is_wanted(only, actions.FIX_ALL):
        action = lsp.CodeAction("apply all safe fixes", actions.FIX_ALL)
        action.data = {"uri": document.uri, "version": document.version}
        if not server.resolves_edits() and only is not None:
            action = on_resolved(server, action)
        if (action.edit is not None or server.resolves_edits()) and _has_safe(analysis):
            found.append(action)
    return found


def _value(kind: Any) -> Any:
    return getattr(kind, "value", kind)


def _is_wanted(only: list[str] | None, kind: str) -> bool:
    return only is None or any(kind == each or kind.startswith(f"{each}.") for each in only)


def _has_safe(analysis: Analysis) -> bool:
    return any(usable(finding, unsafe=False) for finding in analysis.findings)


def on_resolved(server: Server, action: lsp.CodeAction) -> lsp.CodeAction:
    """Return the action that applies all safe fixes, with what it changes."""
    data = action.data if isinstance(action.data, dict) else {}
    known = server.known(str(data.get("uri")))
    if known is None or known[0].version != data.get("version"):
        return action
    document, analysis = known
    load = server.desk.load(document)

    def judge(text: str) -> tuple[Diagnostic, ...]:
        return server.desk.analyst.whole(text, document.path, load).findings

    after = actions.fixed(analysis, judge)
    if after is not None:
        action.edit = server.edit(document, actions.change(document.text, after))
    return action


def on_symbols(server: Server, params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol] | None:
    """Say what the document consists of."""
    known = server.known(params.text_document.uri)
    if known is None:
        return None
    document, analysis = known
    return outlining.symbols(analysis, functools.partial(showing.ranged, document.lines))


def on_folds(server: Server, params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange] | None:
    """Say what folds."""
    known = server.known(params.text_document.uri)
    return None if known is None else outlining.folds(known[1], known[0].lines)


def on_tokens(server: Server, params: lsp.SemanticTokensParams) -> lsp.SemanticTokens | None:
    """Say what of expressions is what."""
    known = server.known(params.text_document.uri)
    if known is None:
        return None
    return lsp.SemanticTokens(colours.semantic_tokens(known[1], known[0].lines))


def on_lenses(server: Server, params: lsp.CodeLensParams) -> list[lsp.CodeLens] | None:
    """Say what a run costs at most, above the name."""
    known = server.known(params.text_document.uri)
    if known is None:
        return None
    document, analysis = known
    root = None if analysis.document is None else analysis.document.root
    entry = root.entry("name") if isinstance(root, Mapping) else None
    if analysis.certificate is None or entry is None:
        return None
    place = showing.ranged(document.lines, entry.key_span.start.offset, entry.value.span.end.offset)
    title = wording.short_certificate(analysis.certificate)
    return [lsp.CodeLens(place, lsp.Command(title, ""))]


def on_formatting(
    server: Server, params: lsp.DocumentFormattingParams
) -> list[lsp.TextEdit] | None:
    """Format the document."""
    document = server.desk.get(params.text_document.uri)
    if document is None or not document.is_ours or document.is_huge:
        return None
    formatted = format_text(document.text, document.path or "<text>")
    if formatted.text is None:
        reason = formatted.problem or "it cannot be read as it is"
        message = f"dagnats: the document is not formatted: {reason}"
        server.window_show_message(lsp.ShowMessageParams(lsp.MessageType.Warning, message))
        return None
    return [
        lsp.TextEdit(showing.ranged(document.lines, start, end), text)
        for start, end, text in actions.change(document.text, formatted.text)
    ]
