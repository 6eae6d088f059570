"""The import contracts hold, and each of them complains about a copy that is broken on purpose."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).with_name("lint-imports")

OFFLINE = "compiling and offline commands never touch the network"
ONLINE = {
    *("app", "main"),  # which load what a command needs
    *("demo", "doctor", "health", "options", "registry", "run", "serve", "serving", "signals"),
    *("approval", "asking", "bounds", "diff", "dlq", "event", "lsp", "replay", "simulate"),
    *("versions", "worker", "workflow"),
}
"""Modules of the command line that may load the network; all others are offline."""

BREACHES = {
    "rooms import downwards only": ("dagnats/machine/limits.py", "import dagnats.compiler"),
    "the pure core knows no clock, no chance, no I/O": ("dagnats/machine/limits.py", "import time"),
    "past the IR nobody knows documents": (
        "dagnats/engine/timers.py",
        "import dagnats.lang.ast",
    ),
    "a worker knows the wire and nothing of the engine": (
        "dagnats/worker/extra.py",
        "import dagnats.machine.state",
    ),
    OFFLINE: ("dagnats/compiler/extra.py", "import asyncio"),
    "lark belongs to the generator of the expression parser": (
        "dagnats/expr/syntax/literals.py",
        "import lark",
    ),
    "ruamel.yaml belongs to the reader": ("dagnats/lang/ast.py", "import ruamel.yaml"),
    "jsonschema_rs belongs to the shape check": ("dagnats/lang/ast.py", "import jsonschema_rs"),
    "croniter belongs to the calendar": ("dagnats/engine/timers.py", "import croniter"),
    "nats belongs to the adapters": ("dagnats/engine/timers.py", "import nats"),
    "typer belongs to the command line": ("dagnats/wire/ids.py", "import typer"),
    "pygls and lsprotocol belong to the language server": (
        "dagnats/source/comments.py",
        "import pygls",
    ),
    "re2 belongs to the patterns of expressions": (
        "dagnats/expr/library/texts.py",
        "import re2",
    ),
    "rooms do not go in circles": ("dagnats/wire/subjects.py", "import dagnats.wire.circle"),
}


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINTER, "--no-logo", "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_walls_stand() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def contracts() -> dict[str, dict[str, Any]]:
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return {contract["name"]: contract for contract in settings["contracts"]}


def test_every_contract_has_a_breach() -> None:
    assert set(BREACHES) == set(contracts())


def test_every_module_of_the_command_line_is_offline_or_said_to_be_online() -> None:
    cli = ROOT / "dagnats" / "cli"
    modules = {path.stem for path in (*cli.glob("*.py"), *cli.glob("*/__init__.py"))}
    modules = (modules | {path.parent.name for path in cli.glob("*/__init__.py")}) - {"__init__"}
    walled = {
        module.removeprefix("dagnats.cli.")
        for module in contracts()[OFFLINE]["source_modules"]
        if module.startswith("dagnats.cli.")
    }
    assert not walled & ONLINE
    assert walled | ONLINE == modules


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says about a copy in which every contract is broken once."""
    copy = tmp_path_factory.mktemp("broken")
    shutil.copytree(
        ROOT / "dagnats", copy / "dagnats", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", copy)
    (copy / "dagnats/wire/circle.py").write_text("import dagnats.wire.subjects\n")
    for file, statement in BREACHES.values():
        with (copy / file).open("a") as opened:
            opened.write(f"\n{statement}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_reported(broken: str, name: str) -> None:
    assert f"{name} BROKEN" in broken


@pytest.mark.slow
def test_a_new_room_has_to_be_declared(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "dagnats", tmp_path / "dagnats", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "dagnats" / "attic").mkdir()
    (tmp_path / "dagnats" / "attic" / "__init__.py").touch()
    assert "dagnats.attic" in lint_imports(tmp_path).stdout
