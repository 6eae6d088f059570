"""What a handler's annotation makes of JSON: plain values, msgspec's types, pydantic's."""

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

Convert = Callable[[Any], Any]
PLAIN = (Any, object, dict, list)
WRONGS_MAX = 5


def converter(function: Callable[..., Any], parameter: str) -> Convert | None:
    """Return what turns JSON into what a parameter is annotated with, if that is needed."""
    try:
        hint = get_type_hints(function, include_extras=True).get(parameter, Any)
        return _converter(hint)
    except Exception:  # noqa: BLE001 - an annotation that cannot be read converts nothing
        return None


def misfit(wrong: Exception) -> str:
    """Return in words why an input was refused. Not the input itself: it may hold a secret."""
    of_pydantic = getattr(wrong, "errors", None)
    if not callable(of_pydantic):
        return str(wrong)
    with contextlib.suppress(Exception):
        wrongs = of_pydantic(include_url=False, include_input=False, include_context=False)
        told = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrongs[:WRONGS_MAX]]
        more = f"; and {len(wrongs) - WRONGS_MAX} more" if len(wrongs) > WRONGS_MAX else ""
        return "; ".join(told).replace("\n", " ") + more
    return type(wrong).__name__


def _converter(hint: Any) -> Convert | None:
    if any(hint is plain for plain in PLAIN):
        return None
    if any(_is_pydantic(part) for part in _parts(hint)):
        return _by_pydantic(hint)
    if _is_known(hint) and all(_is_known(part) for part in _parts(hint)):
        msgspec.json.Decoder(hint)  # raises TypeError for what it cannot do
        return lambda value: msgspec.convert(value, hint)
    return None


def _parts(hint: Any) -> Iterator[Any]:
    """Yield the types that an annotation is made of."""
    origin = get_origin(hint)
    if origin is Literal:
        return
    if origin is Annotated:
        yield from _parts(get_args(hint)[0])
        return
    arguments = get_args(hint)
    if not arguments:
        yield hint
    for argument in arguments:
        if argument is not Ellipsis:
            yield from _parts(argument)


def _is_pydantic(kind: Any) -> bool:
    """Tell a model, or a dataclass of pydantic's, by its look: nobody need have it installed."""
    return inspect.isclass(kind) and (
        callable(getattr(kind, "model_validate", None)) or hasattr(kind, "__pydantic_validator__")
    )


def _by_pydantic(hint: Any) -> Convert:
    validate = getattr(hint, "model_validate", None)
    if callable(validate) and inspect.isclass(hint):
        return validate  # type: ignore[no-any-return] # a model, by its look
    adapter = importlib.import_module("pydantic").TypeAdapter(hint)
    return adapter.validate_python  # type: ignore[no-any-return]


def _is_known(kind: Any) -> bool:
    """Tell whether msgspec makes this of JSON by itself."""
    if kind is Any or kind is None:
        return True
    return not isinstance(msgspec.inspect.type_info(kind), msgspec.inspect.CustomType)
