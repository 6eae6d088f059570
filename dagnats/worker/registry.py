"""Handlers by task name: the `@task` decorator, and importing a file full of them."""

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from dagnats.errors import UsageError
from dagnats.worker.shapes import Convert, converter

F = TypeVar("F", bound=Callable[..., Any])
TASK_NAME_CHARS_MAX = 128
TASK_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""What an engine takes in a hello, and a workflow in `task`."""
GROUP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
CAPABILITY_CHARS_MAX = 64


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that does a task; `inline` runs it on the event loop, for tiny pure functions.

    A worker that serves it is of these groups and has these capabilities.
    """

    name: str
    call: Callable[..., Any]
    convert: Convert | None
    wants_context: bool
    is_async: bool
    inline: bool
    groups: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


Registry = dict[str, Handler]
_registry: Registry = {}


def task(
    name: str,
    *,
    inline: bool = False,
    groups: Iterable[str] = (),
    capabilities: Iterable[str] = (),
) -> Callable[[F], F]:
    """Register the decorated function, `def f(input)` or `def f(input, ctx)`, for a task.

    `input` is plain JSON, or what its annotation makes of it (dataclass, TypedDict, msgspec.Struct,
    pydantic model, lists and unions of these). A plain function runs in a thread, an async one on
    the event loop. A worker that serves it announces `groups` and `capabilities`, for all it does.
    Raises UsageError for a name that is taken or a function that cannot be called so.
    """
    if TASK_NAME.fullmatch(name) is None or len(name) > TASK_NAME_CHARS_MAX:
        raise UsageError(
            f"{name[:80]!r} is not a task name\n"
            "  help: up to 128 letters, digits, `-` and `_`, in words with dots between them"
        )

    of_groups, able = group_names(groups), capability_names(capabilities)

    def register(function: F) -> F:
        known = _registry.get(name)
        if known is not None and _origin(known.call) != _origin(function):
            raise UsageError(
                f"task `{name}` has two handlers: {_origin(known.call)} and {_origin(function)}"
            )
        handler = handler_of(name, function, inline=inline)
        _registry[name] = replace(handler, groups=of_groups, capabilities=able)
        return function

    return register


def registered() -> Registry:
    """Return the handlers that are registered now."""
    return dict(_registry)


def group_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of groups of workers, each once, in order. Raises UsageError."""
    found = tuple(sorted({names} if isinstance(names, str) else set(names)))
    for name in found:
        if GROUP_NAME.fullmatch(name) is None:
            raise UsageError(
                f"{name[:80]!r} is no group of workers\n"
                "  help: letters, digits, `_` and `-`, at most 64"
            )
    return found


def capability_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of capabilities, each once, in order. Raises UsageError."""
    found = tuple(sorted({names} if isinstance(names, str) else set(names)))
    for name in found:
        if not (0 < len(name) <= CAPABILITY_CHARS_MAX and name.isprintable()):
            raise UsageError(
                f"{name[:80]!r} is no capability\n"
                f"  help: a text of at most {CAPABILITY_CHARS_MAX} characters"
            )
    return found


def load(file_or_module: str) -> Registry:
    """Import handlers from a file or a dotted module, and return all that are registered.

    Raises UsageError when it cannot be imported or registers none.
    """
    if file_or_module.endswith(".py") or "/" in file_or_module:
        _import_file(Path(file_or_module))
    else:
        _guarded(file_or_module, lambda: importlib.import_module(file_or_module))
    if not _registry:
        raise UsageError(
            f"{file_or_module} registers no handlers\n"
            '  help: decorate functions with `@task("name")`'
        )
    return dict(_registry)


def _import_file(file: Path) -> None:
    if not file.is_file():
        raise UsageError(f"no such file: {file}")
    name = f"dagnats_handlers_{file.stem.replace('-', '_')}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # A handlers file may import its neighbours, as a script may.
    sys.path.insert(0, str(file.resolve().parent))
    loader = spec.loader
    _guarded(str(file), lambda: loader.exec_module(module))


def _guarded(what: str, run: Callable[[], Any]) -> None:
    try:
        run()
    except UsageError:
        raise
    except (Exception, SystemExit) as wrong:
        frames = traceback.extract_tb(wrong.__traceback__)
        own = [frame for frame in frames if "importlib" not in frame.filename and frame.lineno]
        where = f" at {own[-1].filename}:{own[-1].lineno}" if own else ""
        raise UsageError(f"cannot import {what}: {type(wrong).__name__}: {wrong}{where}") from wrong


def handler_of(name: str, function: Callable[..., Any], *, inline: bool = False) -> Handler:
    """Return a handler for a task, registered nowhere. Raises UsageError."""
    parameters = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    required = [p for p in parameters if p.default is p.empty]
    if not parameters or len(required) > 2:
        raise UsageError(f"the handler of `{name}` must take `(input)` or `(input, ctx)`")
    wants_context = len(parameters) > 1 and (
        len(required) == 2 or parameters[1].name in {"ctx", "context"}
    )
    return Handler(
        name,
        function,
        converter(function, parameters[0].name),
        wants_context,
        inspect.iscoroutinefunction(function),
        inline,
    )


def _origin(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)
