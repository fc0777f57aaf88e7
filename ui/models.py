"""`lovebird models`: what is on this machine, and fetching more."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from ..graph.errors import LovebirdError
from ..graph.roots import Roots
from ..nodes.models import source
from ..plugins.manager import Plugins
from .console import UsageProblem, say, say_json, table


def show(plugins: Plugins, as_json: bool = False) -> None:
    """List the models."""
    found = source.listed(Roots(), plugins.hook)
    if as_json:
        say_json([
            {"name": m.name, "path": str(m.path), "source": m.source,
             "licence": m.licence, "description": m.description}
            for m in found
        ])  # fmt: skip
    elif found:
        say(table([(m.name, m.source, m.licence, m.description or str(m.path)) for m in found]))
    else:
        say("no model is here; put a folder or .safetensors file into models/")


def fetch(name: str, revision: str = "", sha256: str = "") -> str:
    """Fetch a model and check what came; give where it is."""
    if sha256 and (len(sha256) != 64 or set(sha256.lower()) - set("0123456789abcdef")):
        raise UsageProblem(f"--sha256 {sha256[:70]}: 64 hexadecimal digits were wanted")
    found = source.pull(name, _progress if sys.stderr.isatty() else None, revision=revision)
    if sha256:
        verify(found.path, sha256)
    return f"{found.name}: {found.path}"


def verify(path: Path, sha256: str) -> None:
    """Compare a model of one weight file with its checksum; raises LovebirdError."""
    weights = [path] if path.is_file() else sorted(path.rglob("*.safetensors"))
    if len(weights) != 1:
        raise UsageProblem(f"--sha256 is for models of one file; {path.name} has {len(weights)}")
    with weights[0].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256.lower():
        raise LovebirdError(f"{weights[0].name} has sha256 {digest}, not {sha256}: don't use it")


def _progress(done: int, total: int) -> None:
    print(f"\r{done >> 20} of {total >> 20} MiB", end="", file=sys.stderr, flush=True)
