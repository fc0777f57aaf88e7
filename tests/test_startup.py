"""Starting is instant because nothing heavy is imported before it is needed."""

import json
import subprocess
import sys

import pytest
from toys import put

HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "gradio",
    "PIL",
    "networkx",
    "rich",
    "peft",
    "accelerate",
)
PROBE = """
import json, sys
from lovebird.ui.cli import invoke
code = invoke({args!r})
print("\\n" + json.dumps([code, [m for m in {heavy!r} if m in sys.modules]]))
"""


def imported(code: str, tmp_path) -> list:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    "args",
    ["--help", "nodes", "check w.json", "plugins", "schema", "describe text.encode"],
)
def test_a_command_imports_nothing_heavy(args, tmp_path):
    put(tmp_path / "w.json", {"join": ("text.join", {})})
    _, heavy = imported(PROBE.format(args=args.split(), heavy=HEAVY), tmp_path)
    assert heavy == []


def test_help_loads_neither_plugins_nor_numpy(tmp_path):
    names = ("numpy", "pydantic", "pluggy")
    assert imported(PROBE.format(args=["--help"], heavy=names), tmp_path) == [0, []]


def test_importing_lovebird_imports_nothing_else(tmp_path):
    code = """
import json, sys
before = set(sys.modules)
import lovebird
print(json.dumps(sorted({m.partition(".")[0] for m in set(sys.modules) - before})))
"""
    found = set(imported(code, tmp_path))
    assert not found & {*HEAVY, "numpy", "pydantic", "pluggy", "click"}
    assert len(found) < 25


def test_every_public_name_is_there():
    import lovebird

    for name in lovebird.__all__:
        assert getattr(lovebird, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lovebird.nonsense  # noqa: B018


def test_a_workflow_runs_from_python(tmp_path, monkeypatch):
    import lovebird

    monkeypatch.setenv("LOVEBIRD_CACHE", str(tmp_path / "cache"))
    path = put(tmp_path / "w.json", {"join": ("text.join", {})})
    assert lovebird.load(path).nodes["join"].type == "text.join"
