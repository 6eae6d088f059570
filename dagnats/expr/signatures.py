"""What the table of builtins is made of: functions and their overloads."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from dagnats.expr.types import Type


class Overload(Struct, frozen=True):
    """One way to call a function: what it takes (the receiver first) and gives.

    A `Param` stands for any type, the same wherever it stands in one overload.
    """

    params: tuple[Type, ...]
    result: Type
    method: bool = False


class Function(Struct, frozen=True):
    """A function: its name (with its namespace), a line of help, what it does, how it is called.

    `call` takes the receiver first, checks the types of what it is given itself, and raises
    EvaluationError and nothing else. A `variadic` function takes one or more arguments, each of
    which fits the first parameter of some overload.
    """

    name: str
    doc: str
    call: Callable[..., Any]
    overloads: tuple[Overload, ...]
    variadic: bool = False


def over(*params: Type, gives: Type) -> Overload:
    """Return the overload of a global function."""
    return Overload(params, gives)


def method(*params: Type, gives: Type) -> Overload:
    """Return the overload of a method, its receiver first."""
    return Overload(params, gives, method=True)
