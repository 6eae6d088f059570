"""Secrets: put in where their markers stand, and in nothing that leaves the worker."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dagnats import AsyncContext, Context, NonRetryable, Retryable, harness, task
from dagnats.cli.main import main
from dagnats.errors import UsageError
from dagnats.wire.tasks import ERROR_MESSAGE_CHARS_MAX
from dagnats.worker import vault
from tests.worker.playing import a_task, error_of, outcome, play, playing

TOKEN = 'tök"en\\x\n-s3cret'
MARKER = "${secret:abc:TOKEN}"
GIVEN = {"TOKEN": MARKER}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGNATS_SECRET_TOKEN", TOKEN)
    monkeypatch.setenv("DAGNATS_SECRET_SHORT", "abc")
    monkeypatch.delenv("DAGNATS_SECRET_OTHER", raising=False)


def told(result: Any) -> str:
    """Everything that is sent of a result."""
    return msgspec.json.encode(result).decode()


def test_the_handler_gets_the_values() -> None:
    seen = []
    value = {"a": [f"Bearer {MARKER}{MARKER}", 1, None], MARKER: "as it is"}
    outcome(seen.append, value, secrets=GIVEN)
    assert seen == [{"a": [f"Bearer {TOKEN}{TOKEN}", 1, None], MARKER: "as it is"}]


def test_only_what_the_engine_names_is_put_in() -> None:
    seen = []
    outcome(seen.append, ["${secret:xyz:TOKEN}", MARKER], secrets={})
    assert seen == [["${secret:xyz:TOKEN}", MARKER]]


def test_a_value_that_looks_like_a_marker_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGNATS_SECRET_A", "<b>")
    monkeypatch.setenv("DAGNATS_SECRET_B", "other")
    seen = []
    outcome(seen.append, "<a> <b>", secrets={"A": "<a>", "B": "<b>"})
    assert seen == ["<b> other"]


def test_what_does_not_occur_is_not_asked_for() -> None:
    assert outcome(lambda value: value, "x", secrets={"OTHER": "<other>"}).output == "x"


def test_a_missing_one_is_no_use_again() -> None:
    given = GIVEN | {"OTHER": "<other>"}
    error = error_of(outcome(lambda value: value, f"{MARKER} <other>", secrets=given))
    assert (error.code, error.retryable) == ("secret_missing", False)
    assert error.message == "this worker has no secret `OTHER`"


def raising(failure: Callable[[Any], BaseException]) -> Callable[[Any], Any]:
    def handler(value: Any) -> Any:
        raise failure(value)

    return handler


def nested(value: Any) -> BaseException:
    failure = RuntimeError("outer")
    failure.__cause__ = ValueError(value)
    failure.add_note(f"noted {value}")
    return failure


LEAKS: dict[str, Callable[[Any], Any]] = {
    "returned": lambda value: {"echo": [value, f"<{value}>"], value: 1},
    "raised": raising(ValueError),
    "raised as a key": raising(lambda value: KeyError(value)),
    "raised behind": raising(nested),
    "raised beyond the cut": raising(
        lambda value: ValueError("x" * (ERROR_MESSAGE_CHARS_MAX - 20) + value)
    ),
    "ours": raising(lambda value: Retryable(f"no: {value}", code=value, details={value: [value]})),
    "ours, in strange details": raising(lambda value: NonRetryable("no", details={value})),
    "class": raising(lambda value: type("OddError", (Exception,), {"__str__": lambda _: value})()),
}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("leak", LEAKS)
def test_values_do_not_leave(leak: str, asynchronous: bool) -> None:
    handler: Any = LEAKS[leak]
    if asynchronous:

        async def handler(value: Any) -> Any:
            return LEAKS[leak](value)

    result = outcome(handler, MARKER, secrets=GIVEN)
    sent = told(result)
    assert "s3cret" not in sent
    assert "tök" not in sent
    assert "***" in sent or leak == "raised beyond the cut"


def test_what_is_returned_is_else_as_it_was() -> None:
    value = {"n": 1.5, "m": 2**60, "t": f"a {MARKER}", "abc": None}
    output = outcome(lambda value: value, value, secrets=GIVEN).output
    assert output == {"n": 1.5, "m": 2**60, "t": "a ***", "abc": None}


def test_a_number_of_the_same_digits_stays_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGNATS_SECRET_TOKEN", "12345")
    output = outcome(lambda value: [12345, value], MARKER, secrets=GIVEN).output
    assert output == [12345, "***"]


def test_a_value_of_few_characters_cannot_be_hidden() -> None:
    assert outcome(lambda v: f"abcd {v}", "<s>", secrets={"SHORT": "<s>"}).output == "abcd abc"


def test_a_refused_input_does_not_tell() -> None:
    pydantic = pytest.importorskip("pydantic", reason="pydantic is not a dependency of ours")

    def handler(value: Any) -> Any:
        return value

    handler.__annotations__["value"] = pydantic.create_model("Model", a=(int, ...), b=(int, ...))
    error = error_of(outcome(handler, {"a": MARKER * 3, "b": 1}, secrets=GIVEN))
    assert error.message.startswith("the input does not fit the handler of `it`: a: Input should")
    assert "s3cret" not in told(error)
    assert "t\u00f6k" not in told(error)


def failing(name: str) -> str:
    raise ConnectionError(f"vault at {TOKEN} is down")


RESOLVERS: list[tuple[Callable[[str], Any], tuple[str, bool]]] = [
    (lambda name: None, ("secret_missing", False)),
    ({}.__getitem__, ("secret_missing", False)),
    (lambda name: 7, ("secret_missing", False)),
    (lambda name: "\ud800", ("secret_missing", False)),
    (failing, ("secret_unavailable", True)),
]


@pytest.mark.parametrize(("resolver", "expected"), RESOLVERS)
@pytest.mark.parametrize("inline", [False, True])
def test_a_resolver_of_ones_own(
    resolver: Callable[[str], Any], expected: tuple[str, bool], inline: bool
) -> None:
    task("plain", inline=inline)(lambda value: value)

    @task("async")
    async def awaited(value: Any) -> Any:
        return value

    async def test() -> None:
        async with playing(of_worker={"secrets": resolver}) as world:
            for run_id, name in (("r1", "plain"), ("r2", "async")):
                await world.give(a_task(name, MARKER, run_id=run_id, secrets=GIVEN))
            for result in await world.engine.done(2):
                error = error_of(result)
                assert (error.code, error.retryable) == expected
                assert "s3cret" not in told(result)

    play(test)


def test_what_is_streamed_and_stored_is_hidden_too() -> None:
    def plain(value: str, ctx: Context) -> None:
        ctx.stream({"at": value})
        ctx.save_checkpoint([value])

    async def awaited(value: str, ctx: AsyncContext) -> None:
        ctx.stream({"at": value})
        await ctx.save_checkpoint([value])

    for handler in (plain, awaited):
        bench = harness.Bench(secrets={"TOKEN": TOKEN})
        played = bench.run(handler, harness.secret("TOKEN"))
        assert played.error is None
        assert played.streamed == [{"at": "***"}]
        assert list(bench.checkpoints.values()) == [["***"]]


FILES: dict[str, tuple[str, dict[str, str]]] = {
    "json": ('{"A": "1", "b_2": "x=\\n"}', {"A": "1", "b_2": "x=\n"}),
    "lines": (
        '# ours\n\nA=1\nexport B = two words \nC=\'a \\n "b" \'\nD="a\\n\\"b\\\\"\nE=\nF=x=y#z\n',
        {"A": "1", "B": "two words", "C": 'a \\n "b" ', "D": 'a\n"b\\', "E": "", "F": "x=y#z"},
    ),
    "mark": ("\ufeffA=1", {"A": "1"}),
    "empty": ("", {}),
}


def written(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


@pytest.mark.parametrize("name", FILES)
def test_a_file(tmp_path: Path, name: str) -> None:
    text, expected = FILES[name]
    resolve = vault.from_file(written(tmp_path / "secrets", text))
    assert {key: resolve(key) for key in expected} == expected
    assert resolve("TOKEN") == TOKEN  # of the environment
    assert resolve("OTHER") is None


WRONG: dict[str, tuple[str | bytes, str]] = {
    "json": ('{"A": s3cret}', "secrets:1: not JSON"),
    "deep": ('{"A":' + "[" * 100_000, "secrets:1: not JSON"),
    "no text": ('{"A": 5432}', "secrets: the value of `A` is not a text"),
    "line": ("A=1\ns3cret\n", "secrets:2: not `NAME=value`"),
    "name": ("A=1\ns3cret!=1\n", "secrets:2: a name has letters, digits and `_`"),
    "bytes": (b"A=\xff", "it is not UTF-8"),
    "size": ("A" * 1_000_001, "more than 1000000 bytes"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_is_none(tmp_path: Path, name: str) -> None:
    text, expected = WRONG[name]
    with pytest.raises(UsageError, match="secrets") as told:
        vault.from_file(written(tmp_path / "secrets", text))
    assert expected in str(told.value)
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_file_that_others_may_read_is_refused(
    tmp_path: Path, mode: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "secrets", json.dumps({"A": "1"}), mode)
    handlers = written(tmp_path / "handlers.py", "")
    assert main(["worker", "run", str(handlers), "--secrets-file", str(file)]) == 2
    said = capsys.readouterr().err
    assert said == f"error: others may read {file} (mode {mode:04o})\n  help: chmod 600 {file}\n"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*: No such file"):
        vault.from_file(tmp_path / "none")
    assert os.listdir(tmp_path) == []
