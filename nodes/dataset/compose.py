"""Turn drawings into captioned pictures: places, colours, backgrounds, the lovebird.

Everything is drawn at twice the training size and box-filtered once. A picture depends only on the
seed and its index, so a dataset is the same however many processes make it.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from PIL import Image as Pil

from . import lovebird, scenes
from .art import SIDE, Drawing, Pixels
from .captions import Caption, captions
from .concepts import Concept

#: Share of the pictures that show the lovebird, and of those of the parrot it came from.
LOVEBIRD, PARROT = 0.13, 0.012
#: How often each art set is drawn from: the 3D look twice (render and gradient), the others less.
STYLE_SHARE = {"3d": 0.5, "glossy": 0.22, "flat": 0.14, "noto": 0.14}
#: Kinds of background: white, one colour, a scene, a computer science scene.
BACKGROUND_SHARE = {"white": 0.5, "colour": 0.26, "scene": 0.14, "coding": 0.1}
_LOVEBIRD_BACKGROUND = {"white": 0.25, "colour": 0.12, "scene": 0.13, "coding": 0.5}
#: Share of pictures in another colour than the emoji's own, where it has a main colour.
RECOLOUR = 0.2


class Picture(NamedTuple):
    """`pixels` (64, 64, 3) uint8, the `captions` it may be called by, and what it shows."""

    pixels: Pixels
    captions: list[str]
    concept: str
    style: str
    background: str


class Tint(NamedTuple):
    """The main hue of a drawing: its colour `name`, `hue` (0..255) and `share` of the colour."""

    name: str
    hue: float
    share: float


def tint(pixels: Pixels) -> Tint | None:
    """The main hue of a drawing, or None where it is mostly grey."""
    seen = pixels[pixels[..., 3] > 128][:, :3]
    hsv = np.asarray(Pil.fromarray(seen[None]).convert("HSV"))[0].astype(np.float32)
    weight = hsv[:, 1] * hsv[:, 2] / 255**2
    weight[weight < 0.25] = 0
    if weight.sum() < 0.12 * len(weight):
        return None
    counts = np.histogram(hsv[:, 0], bins=32, range=(0, 256), weights=weight)[0]
    smooth = counts + (np.roll(counts, 1) + np.roll(counts, -1)) / 2
    top = int(smooth.argmax())
    hue = (top + 0.5) * 8
    name = min(scenes.HUES, key=lambda name: _apart(scenes.HUES[name] * 256 / 360, hue))
    return Tint(name, hue, float(smooth[top] / 2 / weight.sum()))


def _apart(a: float, b: float) -> float:
    return abs((a - b + 128) % 256 - 128)


def recoloured(pixels: Pixels, own: Tint, name: str) -> Pixels:
    """Turn the main hue of a drawing into the named colour; the other hues stay."""
    hsv = np.asarray(Pil.fromarray(pixels[..., :3]).convert("HSV")).astype(int)
    near = np.abs((hsv[..., 0] - round(own.hue) + 128) % 256 - 128) < 32
    shift = round(scenes.HUES[name] * 256 / 360 - own.hue)
    hue = np.where(near, (hsv[..., 0] + shift) % 256, hsv[..., 0])
    turned = np.dstack([hue, hsv[..., 1:]]).astype(np.uint8)
    rgb = np.asarray(Pil.fromarray(turned, "HSV").convert("RGB"))
    return np.dstack([rgb, pixels[..., 3]])


def _pick(shares: dict[str, float], rng: Generator) -> str:
    names = list(shares)
    weights = np.array(list(shares.values()))
    return names[rng.choice(len(names), p=weights / weights.sum())]


def _one(names: tuple[str, ...], rng: Generator) -> str:
    return names[rng.integers(len(names))]


def background(kind: str, rng: Generator) -> tuple[Pil.Image, tuple[str, ...]]:
    """A background of a kind in `BACKGROUND_SHARE`, and the phrases that name it."""
    if kind == "white":
        return scenes.plain((255, 255, 255)), ("white background",)
    if kind == "colour":
        name = _one(scenes.COLOURS[:-1], rng)
        return scenes.plain(scenes.colour(name, rng)), (f"{name} background",)
    if kind == "coding":
        draw, names = scenes.SCENES[_one(scenes.CODING, rng)]
        return draw(rng), names + scenes.COMPUTER_SCIENCE
    draw, names = scenes.SCENES[
        _one(tuple(name for name in scenes.SCENES if name not in scenes.CODING), rng)
    ]
    return draw(rng), names


def flatten(ground: Pil.Image, pixels: Pixels, rng: Generator) -> Pixels:
    """Put a drawing on a background: (64, 64, 3) uint8."""
    scale = rng.uniform(0.84, 0.98)
    size = round(SIDE * scale)
    room = SIDE - size
    x, y = (round(room * rng.uniform(0.25, 0.75)) for _ in range(2))
    top = Pil.fromarray(pixels).resize((size, size), Pil.Resampling.BILINEAR)
    image = ground.convert("RGBA")
    image.alpha_composite(top, (x, y))
    rgb = np.asarray(image.convert("RGB")).astype(np.float32)
    small = rgb.reshape(SIDE // 2, 2, SIDE // 2, 2, 3).mean((1, 3))
    return small.round().astype(np.uint8)


class Library(NamedTuple):
    """Drawings by (style, label), their tints, and the concepts to show."""

    drawings: dict[tuple[str, str], Drawing]
    tints: dict[tuple[str, str], Tint | None]
    concepts: list[Concept]


def library(drawings: list[Drawing], names: list[Concept]) -> Library:
    """Index drawings; concepts that no set has are left out."""
    index = {(drawing.style, drawing.label): drawing for drawing in drawings}
    tints = {at: tint(drawing.pixels) for at, drawing in index.items()}
    labels = {label for _, label in index}
    return Library(index, tints, [concept for concept in names if concept.label in labels])


def _drawing(shelf: Library, label: str, rng: Generator) -> Drawing:
    styles = {s: share for s, share in STYLE_SHARE.items() if (s, label) in shelf.drawings}
    return shelf.drawings[_pick(styles, rng), label]


def _subject(shelf: Library, concept: Concept, rng: Generator) -> tuple[Pixels, str, str | None]:
    """A drawing of a concept, perhaps recoloured: pixels, style, colour word (None: unsaid)."""
    drawing = _drawing(shelf, concept.label, rng)
    own = shelf.tints[drawing.style, concept.label]
    if own is None or own.share < 0.3:
        return drawing.pixels, drawing.style, None
    if concept.group != "face" and rng.random() < (
        0.5 if concept.label == "red heart" else RECOLOUR
    ):
        name = _one(tuple(scenes.HUES), rng)
        return recoloured(drawing.pixels, own, name), drawing.style, name
    said = own.share > 0.5 and rng.random() < 0.3
    return drawing.pixels, drawing.style, own.name if said else None


def _lovebird(shelf: Library, rng: Generator) -> tuple[Pixels, str, bool]:
    """The lovebird: pixels, style, and whether it is the happy one."""
    drawing = _drawing(shelf, "parrot", rng)
    if drawing.style == "noto":
        return drawing.pixels, drawing.style, False
    bird = lovebird.recolour(drawing.pixels, rng)
    happy = rng.random() < 0.6
    return (lovebird.cheer(bird) if happy else bird), drawing.style, happy


def picture(shelf: Library, seed: int, index: int) -> Picture:
    """Picture number `index` of the dataset of `seed`."""
    rng = np.random.default_rng((seed, index))
    roll, happy, name = rng.random(), False, None
    if roll < LOVEBIRD:
        concept = Concept("lovebird", ("lovebird",), "animal")
        pixels, style, happy = _lovebird(shelf, rng)
    else:
        at = rng.integers(len(shelf.concepts))
        concept = shelf.concepts[at]
        if roll < LOVEBIRD + PARROT:
            concept = next((c for c in shelf.concepts if c.label == "parrot"), concept)
        pixels, style, name = _subject(shelf, concept, rng)
    is_bird = concept.label == "lovebird"
    kind = _pick(_LOVEBIRD_BACKGROUND if is_bird else BACKGROUND_SHARE, rng)
    ground, phrases = background(kind, rng)
    if concept.group in ("animal", "vehicle") and rng.random() < 0.3:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    said = captions(Caption(concept, style, kind, phrases, name, happy), rng)
    return Picture(flatten(ground, pixels, rng), said, concept.label, style, kind)
