"""dagnats: a workflow language with a compiler, and a durable engine on NATS."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagnats.compiler.pipeline import Compiled, compile_workflow
    from dagnats.worker import harness
    from dagnats.worker.context import AsyncContext, Context
    from dagnats.worker.registry import task
    from dagnats.worker.signals import Continue, NonRetryable, Retryable, RetryAfter
    from dagnats.worker.worker import Worker

__all__ = [
    "AsyncContext",
    "Compiled",
    "Context",
    "Continue",
    "NonRetryable",
    "RetryAfter",
    "Retryable",
    "Worker",
    "compile_workflow",
    "harness",
    "task",
]
__version__ = "0.1.0"

_HOMES = {
    "AsyncContext": "dagnats.worker.context",
    "Compiled": "dagnats.compiler.pipeline",
    "Context": "dagnats.worker.context",
    "Continue": "dagnats.worker.signals",
    "NonRetryable": "dagnats.worker.signals",
    "RetryAfter": "dagnats.worker.signals",
    "Retryable": "dagnats.worker.signals",
    "Worker": "dagnats.worker.worker",
    "compile_workflow": "dagnats.compiler.pipeline",
    "harness": "dagnats.worker.harness",
    "task": "dagnats.worker.registry",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use: workers do not pay for the compiler, nor lint for NATS."""
    if name in _HOMES:
        from importlib import import_module

        home = import_module(_HOMES[name])
        return home if name == "harness" else getattr(home, name)
    raise AttributeError(f"module 'dagnats' has no attribute {name!r}")
