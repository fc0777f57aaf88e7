"""Folders that a workflow may read from and write to: no name leads out of them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from .errors import NodeError

_DRIVE = re.compile(r"^[A-Za-z]:")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


def _data(name: str) -> Path:
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return Path(base) / "lovebird" / name


def inside(root: Path, name: str) -> Path:
    """Resolve `name` under `root`; raise NodeError for one that would lead out of it.

    Refused before the file system is asked: NUL, `..` in either slash, drive letters, UNC and
    names that Windows reserves. Then symbolic links are followed, and the end must lie inside.
    """
    parts = re.split(r"[/\\]", name)
    if not name or "\0" in name or ".." in parts or name.startswith("\\\\") or _DRIVE.match(name):
        raise NodeError(f"the name {name!r} is not allowed; use a name inside {root.name or root}/")
    if any(_RESERVED.match(part) for part in parts):
        raise NodeError(f"the name {name!r} is reserved on some systems; choose another")
    top = Path(os.path.realpath(root))
    path = Path(os.path.realpath(top / name))
    if path != top and top not in path.parents:
        raise NodeError(f"{name!r} leads out of {root.name or root}/; use a name inside it")
    return path


@dataclass(frozen=True)
class Roots:
    """Where names in a workflow lead: the first of `inputs` that has the file, and `outputs`."""

    inputs: tuple[Path, ...] = field(default_factory=lambda: (Path.cwd(),))
    outputs: Path = field(default_factory=lambda: Path("outputs"))
    models: tuple[Path, ...] = field(default_factory=lambda: (Path("models"), _data("models")))

    def find(self, name: str) -> Path:
        """The input file called `name`; raises NodeError if no root has it."""
        for root in self.inputs:
            path = inside(root, name)
            if path.is_file():
                return path
        looked = ", ".join(f"{root.name or root}/" for root in self.inputs)
        raise NodeError(f"no file {name!r} in {looked}; put it there, or add its folder by --input")

    def place(self, name: str) -> Path:
        """Where to write `name`, its folder made."""
        path = inside(self.outputs, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path
