"""The real yaml-language-server from npm, of one version: what most editors check YAML with."""

import shutil
from pathlib import Path

from tests.editors.installing import absent, installed

FILES = ("package.json", "package-lock.json")
PROGRAM = Path("node_modules", "yaml-language-server", "bin", "yaml-language-server")


def command() -> list[str]:
    """Return what starts the server, after installing it once; skips where it cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        absent("node and npm are not installed")
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    program = installed("yaml-language-server", FILES, PROGRAM, lambda _: words)
    return [node, str(program), "--stdio"]
