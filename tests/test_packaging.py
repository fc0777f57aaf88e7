"""What is shipped: every package, the workflows and the weights; and what is installed for it."""

import fnmatch
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("graph", "nodes", "plugins", "ui", "workflows")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SETUP = PROJECT["tool"]["setuptools"]


def tracked(*suffixes: str) -> list[str]:
    """Files of the package that are no code."""
    found = (p.relative_to(ROOT) for top in TOPS for p in (ROOT / top).rglob("*") if p.is_file())
    return [p.as_posix() for p in found if p.suffix in suffixes]


def test_every_package_is_listed():
    inits = (p.parent.relative_to(ROOT) for top in TOPS for p in (ROOT / top).rglob("__init__.py"))
    found = {".".join(["lovebird", *p.parts]) for p in inits}
    assert found | {"lovebird"} == set(SETUP["packages"])


def test_every_folder_with_code_is_a_package():
    code = {p.parent for top in TOPS for p in (ROOT / top).rglob("*.py")}
    assert [p for p in code if not (p / "__init__.py").exists()] == []


def test_every_workflow_and_weight_is_package_data():
    globs = [g.replace("**/", "*") for g in SETUP["package-data"]["lovebird"]]
    missing = [f for f in tracked(".json", ".safetensors", ".txt")
               if not any(fnmatch.fnmatch(f, g) for g in globs)]  # fmt: skip
    assert missing == []


def test_the_lock_pins_what_the_extras_need():
    pins = (ROOT / "requirements.lock").read_text().split()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    names = {pin.partition("==")[0].lower().replace("_", "-") for pin in pins}
    extras = PROJECT["project"]["optional-dependencies"]
    needed = PROJECT["project"]["dependencies"] + extras["image"] + extras["train"] + extras["dev"]
    wanted = {re.split(r"[\[>=<]", n)[0].replace("_", "-") for n in needed} - {"lovebird"}
    assert wanted - names == set()


def test_the_lock_names_no_build_of_torch():
    assert re.search(r"^torch==[\d.]+$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)


def test_the_version_is_one():
    import lovebird

    assert lovebird.__version__ == PROJECT["project"]["version"]


@pytest.mark.parametrize("target", ["help", "studio"])
def test_make_says_what_there_is(target):
    if not shutil.which("make"):
        pytest.skip("there is no make")
    done = subprocess.run(["make", "-C", ROOT, target], capture_output=True, text=True)
    if target == "help":
        assert done.returncode == 0
        assert {"demo", "test", "lint", "lock", "clean"} <= set(done.stdout.split())
    else:
        assert done.returncode != 0
        assert "not built yet" in done.stderr


def test_a_wheel_holds_code_and_workflows(tmp_path):
    """Built from a copy without the weights, which only take time to zip."""
    source = tmp_path / "source"
    skip = shutil.ignore_patterns("*.safetensors", "__pycache__", "*.egg-info")
    source.mkdir()
    for top in TOPS:
        shutil.copytree(ROOT / top, source / top, ignore=skip)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, source)
    code = "import setuptools.build_meta as b; b.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "dist").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {f"lovebird/{f}" for f in tracked(".json", ".py")} | {"lovebird/py.typed"}
    assert wanted - names == set()
    assert not [n for n in names if n.startswith("lovebird/tests")]
    assert any(n.endswith("licenses/LICENSE") for n in names)
