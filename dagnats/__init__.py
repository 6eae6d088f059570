"""dagnats: a workflow language with a compiler, and a durable engine on NATS."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagnats.compiler.pipeline import Compiled, compile_workflow
    from dagnats.worker.worker import Continue, NonRetryable, Retryable, RetryAfter, Worker, task

__all__ = [
    "Compiled",
    "Continue",
    "NonRetryable",
    "RetryAfter",
    "Retryable",
    "Worker",
    "compile_workflow",
    "task",
]
__version__ = "0.1.0"

_HOMES = {
    "Compiled": "dagnats.compiler.pipeline",
    "compile_workflow": "dagnats.compiler.pipeline",
    "Continue": "dagnats.worker.worker",
    "NonRetryable": "dagnats.worker.worker",
    "RetryAfter": "dagnats.worker.worker",
    "Retryable": "dagnats.worker.worker",
    "Worker": "dagnats.worker.worker",
    "task": "dagnats.worker.worker",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: workers do not pay for the compiler, nor lint for NATS."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'dagnats' has no attribute {name!r}")
