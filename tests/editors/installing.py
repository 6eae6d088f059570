"""Editors and servers that tests talk to: installed once into `.cache`, from a registry."""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
INSTALL_S = 300


def installed(
    name: str, files: Sequence[str], program: Path, words: Callable[[Path], list[str]]
) -> Path:
    """Return where a program is, after installing it once; skips where it cannot be had.

    `files` beside this one say what is to be installed, and `words` is the command that does it in
    a folder which has them. In CI, where `CI` is set, it can always be had: there it fails instead.
    """
    content = b"".join((HERE / file).read_bytes() for file in files)
    folder = CACHE / f"{name}-{hashlib.sha256(content).hexdigest()[:12]}"
    if not (folder / program).exists():
        _install(name, files, folder, program, words)
    return folder / program


def absent(why: str) -> NoReturn:
    """Skip the test; in CI, fail it."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def _install(
    name: str,
    files: Sequence[str],
    folder: Path,
    program: Path,
    words: Callable[[Path], list[str]],
) -> None:
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        made = Path(temporary, "made")
        made.mkdir()
        for file in files:
            (made / file).write_bytes((HERE / file).read_bytes())
        try:
            done = subprocess.run(
                words(made),
                cwd=made,
                capture_output=True,
                text=True,
                timeout=INSTALL_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            absent(f"{name} was not installed in time")
        if done.returncode:
            absent(f"{name} cannot be installed: {done.stderr.strip()[-400:]}")
        try:
            made.rename(folder)
        except OSError:
            assert (folder / program).exists()  # another process was faster
