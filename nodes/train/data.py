"""Read a dataset folder (see `lovebird.nodes.dataset.build`) for training."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

#: The first pictures are never trained on: figures are measured on them.
HELD_OUT = 512


class Dataset:
    """A dataset folder: arrays are read from disk as they are needed."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def pictures(self) -> NDArray[np.uint8]:
        """Composed pictures, (n, 64, 64, 3)."""
        return np.load(self.folder / "pictures.npy", allow_pickle=False)

    @cached_property
    def art(self) -> NDArray[np.uint8]:
        """Drawings of every set, (m, 64, 64, 4)."""
        return np.load(self.folder / "art.npy", allow_pickle=False)

    @cached_property
    def rows(self) -> dict[str, Any]:
        """Lists over the pictures: captions (a list each), concept, style, background."""
        return json.loads((self.folder / "captions.json").read_text())

    @cached_property
    def art_rows(self) -> list[tuple[str, str, str, list[str]]]:
        """(label, style, group, tags) of every drawing."""
        return [tuple(row) for row in json.loads((self.folder / "art.json").read_text())]

    @cached_property
    def held_out(self) -> int:
        """How many pictures at the start are kept for measuring."""
        return min(HELD_OUT, len(self.rows["captions"]) // 8)

    @cached_property
    def art_split(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Drawings for training and for measuring: all styles of an emoji fall on one side."""
        shown = set(self.rows["concept"]) | {"parrot"}
        labels = sorted({row[0] for row in self.art_rows} - shown)
        kept = set(labels[::16])
        test = np.array([row[0] in kept for row in self.art_rows])
        return np.flatnonzero(~test), np.flatnonzero(test)


def tensor(pixels: NDArray[Any]) -> Tensor:
    """(n, h, w, 3) of 0..255 to (n, 3, h, w) of -1..1."""
    import torch

    scaled = torch.from_numpy(np.asarray(pixels, np.float32) / 127.5 - 1)
    return scaled.permute(0, 3, 1, 2).contiguous()


def on(rgba: NDArray[np.uint8], ground: NDArray[Any]) -> NDArray[np.float32]:
    """Drawings (n, h, w, 4) over colours or pictures that broadcast to (n, h, w, 3)."""
    alpha = rgba[..., 3:].astype(np.float32) / 255
    return rgba[..., :3] * alpha + np.asarray(ground, np.float32) * (1 - alpha)
