"""Write a dataset to disk: arrays without pickle, captions as JSON.

A dataset folder holds

- `pictures.npy` (n, 64, 64, 3) uint8 and `captions.json`: composed pictures, for the diffusion
  model and CLIP;
- `art.npy` (m, 64, 64, 4) uint8 RGBA and `art.json`: every drawing of every set, for the
  autoencoder and CLIP, which should know more than the names on the list.
"""

import json
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .art import SETS, Drawing, Pixels, read_set
from .compose import Library, Picture, library, picture
from .concepts import concepts

Track = Callable[[Iterable[int]], Iterable[int]]
Spread = Callable[..., Iterable[Any]]
CHUNK = 100


def halve(rgba: Pixels) -> Pixels:
    """Box filter (2s, 2s, 4) to (s, s, 4), alpha-weighted."""
    side = rgba.shape[0] // 2
    alpha = rgba[..., 3:].astype(np.float32) / 255
    ink = np.concatenate([rgba[..., :3] * alpha, alpha], -1)
    ink = ink.reshape(side, 2, side, 2, 4).mean((1, 3))
    rgb = ink[..., :3] / np.maximum(ink[..., 3:], 1e-3)
    return np.concatenate([rgb, ink[..., 3:] * 255], -1).clip(0, 255).round().astype(np.uint8)


def _write(path: Path, array: np.ndarray) -> None:
    part = path.with_suffix(".part.npy")
    np.save(part, array, allow_pickle=False)
    os.replace(part, path)


def write_art(folder: Path, drawings: list[Drawing]) -> None:
    """Write `art.npy` and `art.json`."""
    _write(folder / "art.npy", np.stack([halve(drawing.pixels) for drawing in drawings]))
    rows = [[d.label, d.style, d.group, list(d.tags)] for d in drawings]
    (folder / "art.json").write_text(json.dumps(rows))


def write_pictures(folder: Path, pictures: list[Picture]) -> None:
    """Write `pictures.npy` and `captions.json`."""
    _write(folder / "pictures.npy", np.stack([p.pixels for p in pictures]))
    rows = {
        "captions": [p.captions for p in pictures],
        "concept": [p.concept for p in pictures],
        "style": [p.style for p in pictures],
        "background": [p.background for p in pictures],
    }
    (folder / "captions.json").write_text(json.dumps(rows))


def _chunk(shelf: Library, seed: int, rows: range) -> list[Picture]:
    return [picture(shelf, seed, index) for index in rows]


def matches(folder: Path, count: int, seed: int) -> bool:
    """Whether `folder` already holds the data set of this count and seed."""
    about = folder / "about.json"
    return about.exists() and json.loads(about.read_text()) == {"count": count, "seed": seed}


def draw(packages: Path, spread: Spread = map) -> list[Drawing]:
    """Every drawing of every art set."""
    sets = spread(partial(read_set, packages), SETS)
    return [drawing for drawings in sets for drawing in drawings]


def build(
    packages: Path, folder: Path, count: int, seed: int, track: Track = iter, spread: Spread = map
) -> None:
    """Render `packages` and compose `count` pictures into `folder`.

    `track` wraps the loop over chunks of `CHUNK` pictures (progress and cancellation); `spread` is
    `map`, or that of a process pool: the pictures are the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    drawings = draw(packages, spread)
    write_art(folder, drawings)
    known = {concept.label for concept in concepts()}
    shelf = library([drawing for drawing in drawings if drawing.label in known], concepts())
    chunks = [range(at, min(at + CHUNK, count)) for at in range(0, count, CHUNK)]
    done = iter(spread(partial(_chunk, shelf, seed), chunks))
    write_pictures(folder, [p for _ in track(range(len(chunks))) for p in next(done)])
    (folder / "about.json").write_text(json.dumps({"count": count, "seed": seed}))
