"""Calling the command line from tests, in this process or in one of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import toys

from lovebird.plugins import manager
from lovebird.ui.cli import invoke


class Said(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Cli:
    """`lovebird` with the toys as a plugin, in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]):
        self.folder, self.capsys = folder, capsys

    def __call__(self, *args: object) -> Said:
        """Run a command in this process."""
        self.capsys.readouterr()
        code = invoke([str(a) for a in args])
        return Said(code, *self.capsys.readouterr())

    def start(self, *args: object, **options: Any) -> subprocess.Popen[str]:
        """Start a command as a process that finds the toys as an installed plugin."""
        info = self.folder / "site" / "toys-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[lovebird]\ntoys = toys\n")
        paths = os.pathsep.join([str(info.parent), str(Path(toys.__file__).parent)])
        env = os.environ | {"PYTHONPATH": paths} | options.pop("env", {})
        return subprocess.Popen(
            [sys.executable, "-m", "lovebird", *map(str, args)],
            cwd=self.folder,
            env=env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            **options,
        )

    def process(self, *args: object, **options: Any) -> Said:
        """Run a command as a process."""
        process = self.start(*args, **options)
        out, err = process.communicate(timeout=60)
        return Said(process.returncode, out, err)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """The command line in an empty folder, its cache included."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOVEBIRD_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOVEBIRD_DEBUG", raising=False)
    toy = manager.Candidate("toys", "toys 1.0", lambda: toys)
    monkeypatch.setattr(manager, "installed", lambda: [toy])
    return Cli(tmp_path, capsys)
