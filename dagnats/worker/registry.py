"""Handlers by task name: the `@task` decorator, and importing a file full of them."""

import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints, is_typeddict

import msgspec

from dagnats.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
Convert = Callable[[Any], Any]
TASK_NAME_CHARS_MAX = 128
TASK_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
"""What an engine takes in a hello, and a workflow in `task`."""


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that does a task; `inline` runs it on the event loop, for tiny pure functions."""

    name: str
    call: Callable[..., Any]
    convert: Convert | None
    wants_context: bool
    is_async: bool
    inline: bool


Registry = dict[str, Handler]
_registry: Registry = {}


def task(name: str, *, inline: bool = False) -> Callable[[F], F]:
    """Register the decorated function, `def f(input)` or `def f(input, ctx)`, for a task.

    `input` is plain JSON, or an instance of its annotation (dataclass, TypedDict, msgspec.Struct,
    pydantic model). A plain function runs in a thread, an async one on the event loop. Raises
    UsageError for a name that is taken or a function that cannot be called so.
    """
    if TASK_NAME.fullmatch(name) is None or len(name) > TASK_NAME_CHARS_MAX:
        raise UsageError(
            f"{name[:80]!r} is not a task name\n"
            "  help: up to 128 letters, digits, `-` and `_`, in words with dots between them"
        )

    def register(function: F) -> F:
        known = _registry.get(name)
        if known is not None and _origin(known.call) != _origin(function):
            raise UsageError(
                f"task `{name}` has two handlers: {_origin(known.call)} and {_origin(function)}"
            )
        _registry[name] = _handler(name, function, inline=inline)
        return function

    return register


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


def _handler(name: str, function: Callable[..., Any], *, inline: bool) -> Handler:
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
        _converter(function, parameters[0].name),
        wants_context,
        inspect.iscoroutinefunction(function),
        inline,
    )


def _converter(function: Callable[..., Any], parameter: str) -> Convert | None:
    """Return what turns JSON into what the first parameter is annotated with, if that is needed."""
    try:
        hint = get_type_hints(function, include_extras=True).get(parameter, Any)
    except Exception:  # noqa: BLE001 - an annotation that cannot be read converts nothing
        return None
    if hint is Any or hint is object or hint in (dict, list):
        return None
    validate = getattr(hint, "model_validate", None)
    if callable(validate):
        return validate  # type: ignore[no-any-return] # a pydantic model, by its look
    simple = isinstance(hint, type) and issubclass(hint, msgspec.Struct)
    if simple or is_dataclass(hint) or is_typeddict(hint) or hint in (str, int, float, bool):
        return lambda value: msgspec.convert(value, hint)
    return None


def _origin(function: Callable[..., Any]) -> str:
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)
