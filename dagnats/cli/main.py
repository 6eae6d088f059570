"""The entry of `dagnats`: exit codes, and the short way for the offline commands.

Loading typer costs as much as linting a small file. So the plain forms of `lint`, `explain`,
`compile` and `eval` are recognised here; all else, mistakes included, goes to the full parser in
`app`.
"""

import contextlib
import errno
import gc
import os
import sys
from collections.abc import Callable, Sequence

from dagnats.cli import output
from dagnats.errors import DagnatsError

INTERRUPTED = 130
PIPE_CLOSED = 1
COLLECTED_AFTER = 100_000
"""Objects made before the garbage collector looks at them."""

WORLD_IS_FULL = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EMFILE: "this process has too many open files: raise `ulimit -n`",
    errno.ENFILE: "this machine has too many open files",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) ask for; return its exit code.

    0 fine · 1 findings, or the run did not complete · 2 wrong usage, unreadable input · 3 no server
    · 4 refused by the server · 130 interrupted.
    """
    _open_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        # What is imported stays: to look for circles in it would be a tenth of a small lint.
        gc.set_threshold(COLLECTED_AFTER, 20, 20)
    try:
        code = _run(words)
        sys.stdout.flush()
    except DagnatsError as error:
        output.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except OSError as error:
        if error.errno not in WORLD_IS_FULL:
            raise
        where = f" ({error.filename})" if error.filename else ""
        output.complain(WORLD_IS_FULL[error.errno] + where)
        return 1
    return code


def _open_streams() -> None:
    """Give a process that was started with closed streams some that lead nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _run(words: list[str]) -> int:
    short = plain(words)
    if short is not None:
        return short()
    from dagnats.cli.app import app

    try:
        app(args=words, prog_name="dagnats")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def plain(words: list[str]) -> Callable[[], int] | None:
    """Return what a plain line of an offline command asks for, None when typer has to judge it."""
    match words:
        case ["lint", *rest]:
            from dagnats.cli import lint

            return lint.plain(rest)
        case ["fmt", *rest]:
            from dagnats.cli import fmt

            return fmt.plain(rest)
        case ["explain", *rest]:
            from dagnats.cli import explain

            return explain.plain(rest)
        case ["schema", *rest]:
            from dagnats.cli import schema

            return schema.plain(rest)
        case ["compile", file] if _is_file(file):
            return lambda: _compile(file, None)
        case ["compile", file, "-o", target] if _is_file(file) and _is_file(target):
            return lambda: _compile(file, target)
        case ["graph", file] if _is_file(file):
            from dagnats.cli import graph

            return lambda: graph.graph(file, graph.Asked())
        case ["bounds", *rest]:
            from dagnats.cli import bounds

            return bounds.plain(rest)
        case ["eval", *rest]:
            from dagnats.cli import eval as evaluation

            return evaluation.plain(rest)
        case _:
            return None


def _is_file(word: str) -> bool:
    return word == "-" or not word.startswith("-")


def _compile(file: str, target: str | None) -> int:
    from dagnats.cli import offline

    return offline.compile_file(file, target)


def _forget_stdout() -> None:
    """Let the interpreter's last flush of a closed pipe go nowhere."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
