"""The docs are true: their code runs, their links lead somewhere, their commands exist."""

import json
import re
from pathlib import Path

import pytest

from lovebird.graph.workflow import Workflow
from lovebird.ui.cli import cli as commands

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LATER = {"docs/lovebird.png", "NOTICE"}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_the_tutorial_runs_from_top_to_bottom(tmp_path, monkeypatch):
    page = ROOT / "docs" / "writing-a-node.md"
    source = "\n".join(blocks(page, "python"))
    module = tmp_path / "tutorial.py"
    module.write_text(source)
    names: dict = {"__name__": "tutorial"}
    exec(compile(source, str(module), "exec"), names)
    ids = [n.id for n in names["register_nodes"]()]
    assert ids == ["halftone.dots", "halftone.halves", "halftone.write", "halftone.grey"]


def test_the_tutorial_s_plugin_works_as_one(lovebird):
    names: dict = {"__name__": "tutorial"}
    exec("\n".join(blocks(ROOT / "docs" / "writing-a-node.md", "python")), names)
    lovebird.register(
        type("Tutorial", (), {"register_nodes": staticmethod(names["register_nodes"])})
    )
    assert lovebird("halftone.dots", text="abcd") == ".b.d"
    assert lovebird("halftone.halves", text="abcd") == ("ab", "cd")
    with pytest.raises(Exception, match="no lines came"):
        lovebird("halftone.write", lines=[])


def test_workflows_in_the_docs_are_good(lovebird):
    found = blocks(ROOT / "docs" / "workflow-format.md", "json")
    assert found
    for text in found:
        assert json.loads(text)
        assert lovebird.check(Workflow.read(text)) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    missing = [t for t in targets if t not in LATER and not (page.parent / t).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_commands_in_the_docs_exist(page):
    named = re.findall(r"(?:^ {4}|`|; )lovebird ([a-z]+)", page.read_text(), re.MULTILINE)
    assert set(named) <= set(commands.commands)


def test_every_command_is_in_its_page():
    text = (ROOT / "docs" / "cli.md").read_text()
    assert [name for name in commands.commands if f"`{name}" not in text] == []
