"""The language server: what editors ask, and who answers.

A question that fails is logged to the client and answered with nothing; the server goes on.
"""

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.uris import to_fs_path

from dagnats.lsp import actions, at_place, colours, of_document
from dagnats.lsp.completion import TRIGGERS
from dagnats.lsp.desk import Chosen, Open
from dagnats.lsp.positions import UTF_16
from dagnats.lsp.session import Server

_WATCHED = ("**/*.{yaml,yml,json}", "**/{dagnats,pyproject}.toml")
_Answer = TypeVar("_Answer")


def guarded(
    answer: Callable[[Server, Any], _Answer],
) -> Callable[[Server, Any], _Answer | None]:
    """Return a handler whose failure is logged, and is no answer."""

    @functools.wraps(answer)
    def handler(server: Server, params: Any) -> _Answer | None:
        try:
            return answer(server, params)
        except JsonRpcException:
            raise
        except Exception as error:  # noqa: BLE001 (the server goes on, whatever happens)
            server.log(error)
            return None

    return handler


def create(chosen: Chosen) -> Server:
    """Return a server that waits for its client."""
    # What pygls logs goes to stderr, which editors show as trouble of ours.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    server = Server(chosen)
    for feature, options, answer in _FEATURES:
        bound = functools.partial(_call, guarded(answer), server)
        patient = functools.partial(_call_in_time, guarded(answer), server)
        server.feature(feature, options)(patient if answer in _PATIENT else bound)
    return server


def _call(handler: Callable[[Server, Any], Any], server: Server, params: Any = None) -> Any:
    return handler(server, params)


async def _call_in_time(handler: Callable[[Server, Any], Any], server: Server, params: Any) -> Any:
    """Answer when the text that is there then has been judged: editors ask after each keystroke."""
    await server.desk.settled(params.text_document.uri)
    return handler(server, params)


# Documents


def _opened(server: Server, params: lsp.DidOpenTextDocumentParams) -> None:
    item = params.text_document
    path = to_fs_path(item.uri) if item.uri.startswith("file:") else ""
    agreed = server.workspace.position_encoding or UTF_16
    encoding = str(getattr(agreed, "value", agreed))
    server.desk.open(Open(item.uri, path or "", item.text, item.version, encoding))


def _changed(server: Server, params: lsp.DidChangeTextDocumentParams) -> None:
    text = params.content_changes[-1].text
    server.desk.change(params.text_document.uri, text, params.text_document.version)


def _closed(server: Server, params: lsp.DidCloseTextDocumentParams) -> None:
    if server.desk.close(params.text_document.uri) is not None:
        server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(params.text_document.uri, [])
        )


def _saved(server: Server, params: lsp.DidSaveTextDocumentParams) -> None:
    del params
    server.desk.refresh()


def _watched(server: Server, params: lsp.DidChangeWatchedFilesParams) -> None:
    paths = [to_fs_path(change.uri) for change in params.changes]
    if any(path and Path(path).suffix == ".toml" for path in paths):
        server.desk.refresh()
    else:
        server.desk.refresh([path for path in paths if path])


def _configured(server: Server, params: lsp.DidChangeConfigurationParams) -> None:
    del params
    server.desk.refresh()


def _initialized(server: Server, params: lsp.InitializedParams) -> None:
    """Ask to be told of changes of files that nobody has open: imported ones, and settings."""
    del params
    workspace = server.client_capabilities.workspace
    watching = None if workspace is None else workspace.did_change_watched_files
    if watching is None or not watching.dynamic_registration:
        return
    watchers = [lsp.FileSystemWatcher(pattern) for pattern in _WATCHED]
    options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
    method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
    registration = lsp.Registration("files", method, options)
    server.client_register_capability(lsp.RegistrationParams([registration]))


def _shut_down(server: Server, params: None) -> None:
    del params
    server.is_shut_down = True


_PATIENT = frozenset(
    {
        of_document.on_actions,
        of_document.on_symbols,
        of_document.on_folds,
        of_document.on_tokens,
        of_document.on_lenses,
    }
)
"""Questions about a whole document, that may wait until its author does."""

_FEATURES: tuple[tuple[str, Any, Callable[[Server, Any], Any]], ...] = (
    (lsp.TEXT_DOCUMENT_DID_OPEN, None, _opened),
    (lsp.TEXT_DOCUMENT_DID_CHANGE, None, _changed),
    (lsp.TEXT_DOCUMENT_DID_CLOSE, None, _closed),
    (lsp.TEXT_DOCUMENT_DID_SAVE, None, _saved),
    (lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, None, _watched),
    (lsp.WORKSPACE_DID_CHANGE_CONFIGURATION, None, _configured),
    (lsp.INITIALIZED, None, _initialized),
    (lsp.SHUTDOWN, None, _shut_down),
    (
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=list(TRIGGERS)),
        at_place.on_completion,
    ),
    (lsp.TEXT_DOCUMENT_HOVER, None, at_place.on_hover),
    (
        lsp.TEXT_DOCUMENT_SIGNATURE_HELP,
        lsp.SignatureHelpOptions(trigger_characters=["(", ","]),
        at_place.on_signature,
    ),
    (lsp.TEXT_DOCUMENT_DEFINITION, None, at_place.on_definition),
    (lsp.TEXT_DOCUMENT_REFERENCES, None, at_place.on_references),
    (lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT, None, at_place.on_highlights),
    (lsp.TEXT_DOCUMENT_PREPARE_RENAME, None, at_place.on_prepare),
    (lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True), at_place.on_rename),
    (
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(
            code_action_kinds=[lsp.CodeActionKind.QuickFix, actions.FIX_ALL], resolve_provider=True
        ),
        of_document.on_actions,
    ),
    (lsp.CODE_ACTION_RESOLVE, None, of_document.on_resolved),
    (lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL, None, of_document.on_symbols),
    (lsp.TEXT_DOCUMENT_FOLDING_RANGE, None, of_document.on_folds),
    (lsp.TEXT_DOCUMENT_SELECTION_RANGE, None, at_place.on_selection),
    (
        lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL,
        lsp.SemanticTokensLegend(token_types=list(colours.LEGEND), token_modifiers=[]),
        of_document.on_tokens,
    ),
    (
        lsp.TEXT_DOCUMENT_CODE_LENS,
        lsp.CodeLensOptions(resolve_provider=False),
        of_document.on_lenses,
    ),
    (lsp.TEXT_DOCUMENT_FORMATTING, None, of_document.on_formatting),
)
