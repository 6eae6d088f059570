"""What a stranger installs: the wheel made from the source distribution, in its own environment."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from dagnats import resources

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = [
    "grammar/expression.lark",
    "schemas/workflow.schema.json",
    "schemas/ir.schema.json",
    "templates/templates.json",
    "templates/gitignore",
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel that was made from it alone."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT))
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of an environment that holds the wheel, and the libraries of this one."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    scripts = venv / "bin"
    run(
        sys.executable, "-m", "pip", "--python", str(scripts / "python"),
        "install", "--quiet", "--no-deps", "--no-index", str(built[1]),
    )  # fmt: skip
    # Of a folder named in a `.pth` file the `.pth` files are not read: no editable install.
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = venv / "lib" / version / "site-packages"
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts


def run(*words: str, cwd: Path | None = None) -> str:
    # The server is a script of its wheel, and stays where the libraries are.
    path = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
    done = subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("file", SHIPPED)
def test_both_distributions_ship_it(built: tuple[Path, Path], file: str) -> None:
    sdist, wheel = built
    with tarfile.open(sdist) as archive:
        assert any(name.partition("/")[2] == file for name in archive.getnames())
    with zipfile.ZipFile(wheel) as archive:
        assert f"dagnats/{file}" in archive.namelist()


@pytest.mark.parametrize("file", SHIPPED)
def test_it_is_found_in_the_wheel(installed: Path, tmp_path: Path, file: str) -> None:
    code = f"from dagnats import resources; print(resources.path(*{file.split('/')}))"
    found = Path(run(str(installed / "python"), "-c", code, cwd=tmp_path).strip())
    assert installed.parent in found.parents
    assert found.read_bytes() == (ROOT / file).read_bytes()


@pytest.mark.parametrize("file", SHIPPED)
def test_it_is_found_in_the_checkout(file: str) -> None:
    assert resources.path(*file.split("/")) == ROOT / file


def test_the_installed_command_works(installed: Path, tmp_path: Path) -> None:
    hello = ROOT / "examples" / "hello" / "hello.json"
    program = json.loads(run(str(installed / "dagnats"), "compile", str(hello), cwd=tmp_path))
    assert program["name"] == "hello"


def test_the_installed_command_begins_a_project(installed: Path, tmp_path: Path) -> None:
    dagnats = str(installed / "dagnats")
    made = json.loads(run(dagnats, "init", "it", "--json", cwd=tmp_path))
    assert {path.name for path in (tmp_path / "it").iterdir()} == set(made["files"])
    run(dagnats, "lint", "it", "--strict", cwd=tmp_path)


def test_the_installed_demo_runs(installed: Path, tmp_path: Path) -> None:
    told = run(str(installed / "dagnats"), "demo", "--json", cwd=tmp_path)
    examples = {path.parent.name for path in (ROOT / "examples").glob("*/worker.py")}
    ended = {run["example"]: run["status"] for run in json.loads(told)}
    assert ended == dict.fromkeys(examples, "completed")
