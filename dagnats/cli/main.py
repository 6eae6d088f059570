"""The entry of `dagnats`: exit codes, and the short way for the offline commands.

Loading typer costs as much as linting a small file. So the plain forms of `lint` and `compile` are
recognised here; whatever is not recognised, mistakes included, goes to the full parser in `app`.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Callable, Sequence

from dagnats.cli import output
from dagnats.errors import DagnatsError

INTERRUPTED = 130
PIPE_CLOSED = 1
WORLD_IS_FULL = {
    errno.ENOSPC: "there is no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EMFILE: "this process has too many open files: raise `ulimit -n`",
    errno.ENFILE: "this machine has too many open files",
}
LINT_FORMATS = ("full", "concise", "json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) ask for; return its exit code.

    0 fine · 1 findings, or the run did not complete · 2 wrong usage, unreadable input · 3 no server
    · 4 refused by the server · 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
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
    """Return what a plain `lint` or `compile` line asks for, or None when typer has to judge it."""
    match words:
        case ["lint", *rest]:
            return _plain_lint(rest)
        case ["compile", file] if _is_file(file):
            return lambda: _compile(file, None)
        case ["compile", file, "-o", target] if _is_file(file) and _is_file(target):
            return lambda: _compile(file, target)
    return None


def _plain_lint(words: list[str]) -> Callable[[], int] | None:
    files: list[str] = []
    chosen = "full"
    rest = iter(words)
    for word in rest:
        if word == "--json":
            chosen = "json"
        elif word == "--format":
            chosen = next(rest, "")
        elif _is_file(word):
            files.append(word)
        else:
            return None
    if not files or chosen not in LINT_FORMATS:
        return None
    return lambda: _lint(files, chosen)


def _is_file(word: str) -> bool:
    return word == "-" or not word.startswith("-")


def _lint(files: list[str], chosen: str) -> int:
    from dagnats.cli import offline

    return offline.lint(files, chosen)


def _compile(file: str, target: str | None) -> int:
    from dagnats.cli import offline

    return offline.compile_file(file, target)


def _forget_stdout() -> None:
    """Let the interpreter's last flush of a closed pipe go nowhere."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
