"""The example workflows that come with lovebird, as a start for one's own."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import IO

from ..graph.errors import did_you_mean
from .console import UsageProblem

FIRST = "lovebird"


def examples() -> list[str]:
    """The names of the examples."""
    found = (f.name for f in files("lovebird.workflows").iterdir())
    return sorted(n.removesuffix(".json") for n in found if n.endswith(".json"))


def write(name: str, example: str) -> Path:
    """Copy an example to NAME.json; never over a file that is there. Raises UsageProblem."""
    example = example.removesuffix(".json")
    known = examples()
    if example not in known:
        hint = did_you_mean(example, known)
        raise UsageProblem(f"there is no example {example!r}{hint} (examples: {', '.join(known)})")
    path = Path(name or example)
    path = path if path.suffix == ".json" else path.with_name(path.name + ".json")
    data = files("lovebird.workflows").joinpath(f"{example}.json").read_bytes()
    try:
        with path.open("xb") as file:
            _fill(file, data)
    except FileExistsError:
        raise UsageProblem(f"{path} is there already; choose another name") from None
    except FileNotFoundError:
        raise UsageProblem(f"{path.parent} is no folder; make it first") from None
    return path


def _fill(file: IO[bytes], data: bytes) -> None:
    """Write all of it, or leave nothing behind."""
    try:
        file.write(data)
        file.flush()
    except OSError:
        os.unlink(file.name)
        raise
