"""One session with one client: its documents, and what every answer needs."""

import traceback

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from dagnats import __version__
from dagnats.diagnostics.diagnostic import Diagnostic
from dagnats.lsp import showing
from dagnats.lsp.analysis import Analysis
from dagnats.lsp.desk import Chosen, Desk, Open

REQUEST_FAILED = -32803


class Server(LanguageServer):
    """The state of one session."""

    def __init__(self, chosen: Chosen) -> None:
        super().__init__(
            "dagnats", __version__, text_document_sync_kind=lsp.TextDocumentSyncKind.Full
        )
        self.desk = Desk(self, chosen)
        self.pages = showing.Pages()
        self.is_shut_down = False

    # What the desk tells

    def publish(self, document: Open, analysis: Analysis) -> None:
        """Send the findings about a document, unless they are those that it was sent last."""
        found = [self.shown(document, analysis, each) for each in analysis.findings]
        found += showing.notices(document, analysis.left_out) if document.is_ours else []
        told = (document.version, found)
        if told != document.published:
            document.published = told
            self.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(document.uri, found, document.version)
            )

    def log(self, error: BaseException) -> None:
        """Send an error of ours to the client's log."""
        text = "".join(traceback.format_exception(error))
        self.window_log_message(
            lsp.LogMessageParams(lsp.MessageType.Error, f"dagnats: an internal error\n{text}")
        )

    # What the handlers need

    def shown(self, document: Open, analysis: Analysis, finding: Diagnostic) -> lsp.Diagnostic:
        """Return a finding as it is sent."""
        return showing.shown(
            finding, document.uri, document.path, document.lines, analysis.document, self.pages
        )

    def edit(self, document: Open, changes: list[tuple[int, int, str]]) -> lsp.WorkspaceEdit:
        """Return changes of a document, bound to its version where the client understands that."""
        edits = [
            lsp.TextEdit(showing.ranged(document.lines, start, end), text)
            for start, end, text in sorted(changes)
        ]
        workspace = self.client_capabilities.workspace
        support = None if workspace is None else workspace.workspace_edit
        if support is None or not support.document_changes:
            return lsp.WorkspaceEdit(changes={document.uri: edits})
        identifier = lsp.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
        return lsp.WorkspaceEdit(document_changes=[lsp.TextDocumentEdit(identifier, list(edits))])

    def place(self, uri: str, position: lsp.Position) -> tuple[Open, int] | None:
        """Return a document of ours and the offset of a position in it."""
        document = self.desk.get(uri)
        if document is None or not document.is_ours or document.is_huge:
            return None
        return document, document.lines.offset(position.line, position.character)

    def known(self, uri: str) -> tuple[Open, Analysis] | None:
        """Return a document of ours and what is known of it."""
        document = self.desk.get(uri)
        analysis = None if document is None else self.desk.known(document)
        return None if document is None or analysis is None else (document, analysis)

    def resolves_edits(self) -> bool:
        """Whether the client asks for the edit of an action when it is chosen."""
        text_document = self.client_capabilities.text_document
        action = None if text_document is None else text_document.code_action
        support = None if action is None else action.resolve_support
        return support is not None and "edit" in support.properties
