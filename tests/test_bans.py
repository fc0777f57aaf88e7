"""What no module of ours may do: run data as code, or leave a mark of this machine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = sorted(p for top in ("graph", "nodes", "plugins", "ui") for p in (ROOT / top).rglob("*.py"))
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load",
    "yaml.load", "yaml.unsafe_load", "marshal.loads", "pickle.load", "pickle.loads",
}  # fmt: skip
MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "subprocess"}
FLAGS = {"allow_pickle", "trust_remote_code", "shell", "custom_pipeline"}


def called(node: ast.Call) -> str:
    return ast.unparse(node.func)


def offences(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.module.partition(".")[0] in MODULES:
                yield node.module
        elif isinstance(node, ast.Call):
            if called(node) in CALLS:
                yield called(node)
            for k in node.keywords:
                on = not (isinstance(k.value, ast.Constant) and k.value.value in (False, None))
                if k.arg in FLAGS and on:
                    yield f"{k.arg}={ast.unparse(k.value)}"


@pytest.mark.parametrize("path", OURS, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_runs_data_as_code(path):
    assert list(offences(path)) == []


def test_the_ban_sees_what_it_bans(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(
        "import pickle\nfrom subprocess import run\neval('1')\nf(trust_remote_code=True)\n"
    )
    assert len(list(offences(bad))) == 4
