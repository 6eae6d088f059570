"""What a handler is given: its input in the shape it asks for, and a context."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest

from dagnats import Continue, NonRetryable, Retryable, RetryAfter, task
from dagnats.cli.main import main
from dagnats.errors import UsageError
from dagnats.worker.context import Context
from dagnats.worker.registry import load
from tests.worker.playing import error_of, outcome


@dataclass
class Data:
    a: int
    b: str = "b"


class Unknown:
    pass


class Typed(TypedDict):
    a: int


class Struct(msgspec.Struct):
    a: int
    b: str = "b"


def test_a_plain_and_an_async_function_with_and_without_context() -> None:
    def plain(value: Any) -> Any:
        return value + 1

    def with_context(value: Any, ctx: Context) -> Any:
        return f"{value} {ctx.step}"

    async def awaited(value: Any) -> Any:
        return value + 1

    async def awaited_with_context(value: Any, context: Context) -> Any:
        return f"{value} {context.run_id}"

    assert outcome(plain, 1).output == 2
    assert outcome(with_context, 1).output == "1 s"
    assert outcome(awaited, 1).output == 2
    assert outcome(awaited_with_context, 1).output == "1 r1"


def test_a_second_parameter_with_a_default_is_no_context() -> None:
    def handler(value: Any, factor: int = 3) -> int:
        return value * factor

    assert outcome(handler, 2).output == 6


def test_a_dataclass() -> None:
    def handler(value: Data) -> Any:
        assert isinstance(value, Data)
        return value

    assert outcome(handler, {"a": 1}).output == {"a": 1, "b": "b"}


def test_a_typed_dict() -> None:
    def handler(value: Typed) -> Any:
        return value["a"]

    assert outcome(handler, {"a": 1}).output == 1


def test_a_struct() -> None:
    def handler(value: Struct) -> Any:
        assert isinstance(value, Struct)
        return value

    assert outcome(handler, {"a": 1}).output == {"a": 1, "b": "b"}


def test_a_pydantic_model() -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not a dependency of ours")
    model = pydantic.create_model("Model", a=(int, ...), b=(str, "b"))

    def handler(value: Any) -> Any:
        assert isinstance(value, model)
        return value

    handler.__annotations__["value"] = model
    assert outcome(handler, {"a": 1}).output == {"a": 1, "b": "b"}


def test_a_pydantic_model_refuses() -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not a dependency of ours")

    def handler(value: Any) -> Any:
        return value

    handler.__annotations__["value"] = pydantic.create_model("Model", a=(int, ...))
    assert error_of(outcome(handler, {"a": "x"})).code == "invalid_input"


@pytest.mark.parametrize("value", [{"a": "x"}, {}, [], None], ids=repr)
@pytest.mark.parametrize("shape", [Data, Typed, Struct])
def test_an_input_that_does_not_fit_is_no_use_again(shape: type, value: Any) -> None:
    def handler(value: Any) -> Any:
        return value

    handler.__annotations__["value"] = shape
    error = error_of(outcome(handler, value))
    assert (error.code, error.retryable) == ("invalid_input", False)
    assert error.message.startswith("the input does not fit the handler of `it`: ")


def test_an_annotation_that_cannot_be_read_converts_nothing() -> None:
    def handler(value: "Nowhere") -> Any:  # type: ignore[name-defined] # noqa: F821
        return value

    assert outcome(handler, {"a": 1}).output == {"a": 1}


def test_continue() -> None:
    result = outcome(lambda _: Continue({"n": 1}))
    assert (result.output, result.continued) == ({"n": 1}, True)


def test_continue_by_context_and_what_it_knows() -> None:
    def handler(value: Any, ctx: Context) -> Any:
        return ctx.continue_([ctx.state, ctx.iteration, ctx.workflow, ctx.attempt, ctx.delivery])

    result = outcome(handler, None, state="before", iteration=3, attempt=2, delivery=4)
    assert (result.output, result.continued) == (["before", 3, "w", 2, 4], True)
    assert (result.attempt, result.delivery, result.iteration) == (2, 4, 3)


def test_the_idempotency_key_is_the_same_for_each_delivery() -> None:
    def handler(value: Any, ctx: Context) -> Any:
        return [ctx.step_key, ctx.idempotency_key]

    first, second = (outcome(handler, delivery=n).output for n in (1, 2))
    assert first == second == ["r1/s", "r1/s/1"]
    assert outcome(handler, attempt=2).output == ["r1/s", "r1/s/2"]
    assert outcome(handler, iteration=3).output == ["r1/s[3]", "r1/s[3]/1"]


def raises(failure: BaseException) -> Any:
    def handler(value: Any) -> Any:
        raise failure

    return handler


@pytest.mark.parametrize(
    ("failure", "code", "message", "retryable", "after"),
    [
        (Retryable("no"), "retryable", "no", True, None),
        (Retryable(), "retryable", "Retryable", True, None),
        (Retryable("no", code="mine"), "mine", "no", True, None),
        (NonRetryable("no"), "non_retryable", "no", False, None),
        (RetryAfter(1.5), "retry_after", "retry after 1.5 s", True, 1_500),
        (RetryAfter(0, "soon", code="mine"), "mine", "soon", True, 0),
        (RetryAfter(1e300), "retry_after", "retry after 1e+300 s", True, 3_600_000),
        (KeyError("k"), "KeyError", "'k'", True, None),
        (ValueError(), "ValueError", "raised without a message", True, None),
    ],
    ids=repr,
)
def test_what_an_exception_means(
    failure: BaseException, code: str, message: str, retryable: bool, after: int | None
) -> None:
    error = error_of(outcome(raises(failure)))
    assert (error.code, error.message) == (code, message)
    assert (error.retryable, error.retry_after_ms) == (retryable, after)


def test_details_are_json_or_text() -> None:
    assert error_of(outcome(raises(Retryable(details={"a": [1]})))).details == {"a": [1]}
    assert error_of(outcome(raises(Retryable(details={1, 2})))).details == "{1, 2}"


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1, -0.001])
def test_a_wait_that_is_none_is_refused(seconds: float) -> None:
    def handler(value: Any) -> Any:
        raise RetryAfter(seconds)

    error = error_of(outcome(handler))
    assert (error.code, error.retryable, error.retry_after_ms) == ("ValueError", True, None)
    expected = f"RetryAfter wants the seconds to wait, from 0 on, not {seconds}"
    assert error.message == expected


def test_a_name_has_one_handler() -> None:
    task("twice")(lambda value: value)
    with pytest.raises(UsageError, match=r"task `twice` has two handlers: .*test_handlers.py:\d+"):
        task("twice")(lambda value: [value])


@pytest.mark.parametrize("name", ["", "a\n", "x" * 129, "my task", "a..b", "ä", "*"])
def test_names_are_names(name: str) -> None:
    with pytest.raises(UsageError, match="is not a task name"):
        task(name)


def test_a_handler_takes_one_or_two() -> None:
    with pytest.raises(UsageError, match=r"must take `\(input\)` or `\(input, ctx\)`"):
        task("none")(lambda: None)
    with pytest.raises(UsageError, match=r"must take `\(input\)` or `\(input, ctx\)`"):
        task("three")(lambda a, b, c: None)


FILES = {
    "empty.py": ("x = 1\n", "registers no handlers"),
    "broken.py": ("def f(:\n", "SyntaxError"),
    "raising.py": ("x = 1\n1 / 0\n", "raising.py:2"),
    "leaving.py": ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
    "twice.py": (
        "from dagnats import task\n@task('a')\ndef f(v): pass\n@task('a')\ndef g(v): pass\n",
        "task `a` has two handlers",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_is_2(
    name: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    text, expected = FILES[name]
    (tmp_path / name).write_text(text)
    assert main(["worker", "run", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert expected in said
    assert "Traceback" not in said


def test_a_file_that_is_not_there_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "run", "nowhere.py"]) == 2
    assert capsys.readouterr().err == "error: no such file: nowhere.py\n"
    assert main(["worker", "run", "no.such.module"]) == 2
    assert "cannot import no.such.module: ModuleNotFoundError" in capsys.readouterr().err


def test_a_handlers_file_may_import_its_neighbours(tmp_path: Any) -> None:
    (tmp_path / "neighbour_of_handlers.py").write_text("NAME = 'by.name'\n")
    (tmp_path / "handlers.py").write_text(
        "from dagnats import task\nfrom neighbour_of_handlers import NAME\n"
        "@task(NAME)\ndef f(value): return value\n"
    )
    assert list(load(str(tmp_path / "handlers.py"))) == ["by.name"]


Shaped = list[Data] | None


@pytest.mark.parametrize(
    ("shape", "value", "expected"),
    [
        (list[Data], [{"a": 1}], [Data(1)]),
        (dict[str, Struct], {"x": {"a": 1}}, {"x": Struct(1)}),
        (Shaped, None, None),
        (Shaped, [{"a": 1}], [Data(1)]),
        (Annotated[int, msgspec.Meta(ge=1)], 1, 1),
        (Literal["a", "b"], "a", "a"),
        (list[Any], [1, "a"], [1, "a"]),
        (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
        (list[Unknown], [1], [1]),
        (Unknown, 1, 1),
        (Sequence[int], [1], [1]),
    ],
    ids=str,
)
def test_annotations_of_parts(shape: Any, value: Any, expected: Any) -> None:
    seen: list[Any] = []

    def handler(value: Any) -> None:
        seen.append(value)

    handler.__annotations__["value"] = shape
    assert outcome(handler, value).error is None
    assert seen == [expected]


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (list[Data], [{"a": "x"}]),
        (Shaped, {"a": 1}),
        (Annotated[int, msgspec.Meta(ge=1)], 0),
        (Literal["a", "b"], "c"),
    ],
    ids=str,
)
def test_annotations_of_parts_refuse(shape: Any, value: Any) -> None:
    def handler(value: Any) -> None: ...

    handler.__annotations__["value"] = shape
    assert error_of(outcome(handler, value)).code == "invalid_input"


def test_pydantic_within_a_list_and_a_pydantic_dataclass() -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not a dependency of ours")
    model = pydantic.create_model("Model", a=(int, ...))
    dataclass_ = pydantic.dataclasses.dataclass(Data)

    def handler(value: Any) -> None:
        assert isinstance(value[0], model | dataclass_)

    for shape in (model, dataclass_):
        handler.__annotations__["value"] = list[shape]  # type: ignore[valid-type]
        assert outcome(handler, [{"a": "1"}]).error is None
        error = error_of(outcome(handler, [{"a": "x"}] * 7))
        assert error.code == "invalid_input"
        assert error.message.count("Input should be") == 5
        assert error.message.endswith("; and 2 more")
