"""Checkpoints of a training run: safetensors and JSON, never pickle.

A checkpoint is a folder with `tensors.safetensors` (weights, averaged weights, optimizer moments)
and `state.json`. It is written beside the last one and swapped in, so a run that is killed at any
moment finds the last whole one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TENSORS, STATE = "tensors.safetensors", "state.json"


def save(folder: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Replace the checkpoint in `folder`."""
    from safetensors.torch import save_file

    part, old = folder.with_name(folder.name + ".part"), folder.with_name(folder.name + ".old")
    for stale in (part, old):
        shutil.rmtree(stale, ignore_errors=True)
    part.mkdir(parents=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, part / TENSORS)
    (part / STATE).write_text(json.dumps(state))
    if folder.exists():
        folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The last whole checkpoint, or None where there is none."""
    from safetensors.torch import load_file

    old = folder.with_name(folder.name + ".old")
    for place in (folder, old):  # `old` alone is left by a run killed between two renames
        if (place / STATE).exists():
            return load_file(place / TENSORS), json.loads((place / STATE).read_text())
    return None
