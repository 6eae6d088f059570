"""The real yaml-language-server from npm, of one version: what most editors check YAML with."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache"
FILES = ("package.json", "package-lock.json")
PROGRAM = Path("node_modules", "yaml-language-server", "bin", "yaml-language-server")
INSTALL_S = 300


def command() -> list[str]:
    """Return what starts the server, after installing it once; skips where it cannot be had.

    In CI, where `CI` is set, it can always be had: there it fails instead.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        _absent("node and npm are not installed")
    folder = CACHE / f"yaml-language-server-{_version()}"
    if not (folder / PROGRAM).exists():
        _install(npm, folder)
    return [node, str(folder / PROGRAM), "--stdio"]


def _version() -> str:
    """Return what changes whenever anything is to be installed anew."""
    content = b"".join((HERE / file).read_bytes() for file in FILES)
    return hashlib.sha256(content).hexdigest()[:12]


def _install(npm: str, folder: Path) -> None:
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        for file in FILES:
            shutil.copy(HERE / file, made)
        words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                words, cwd=made, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
        except subprocess.TimeoutExpired:
            _absent("npm did not install yaml-language-server in time")
        if done.returncode:
            _absent(f"npm cannot install yaml-language-server: {done.stderr.strip()[-400:]}")
        try:
            Path(made, "node_modules").rename(_made(folder) / "node_modules")
        except OSError:
            assert (folder / PROGRAM).exists()  # another process was faster


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _absent(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
