"""Backgrounds, drawn with Pillow at twice the training size.

Every function draws on a square of `SIDE` pixels from a numpy Generator and returns it as RGB, so
a seed gives the same picture everywhere. Shapes are coarse on purpose: what is thinner than two of
these pixels is gone at 64 pixels.
"""

import colorsys
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image as Pil
from PIL import ImageDraw, ImageFont

from .art import SIDE

Colour = tuple[int, int, int]

#: Colour name -> hue in degrees.
HUES = {"red": 0, "orange": 28, "yellow": 50, "green": 120, "blue": 215, "purple": 275, "pink": 328}
_GREYS = {"black": 0.06, "gray": 0.55, "white": 1.0}
COLOURS = (*HUES, *_GREYS)


def colour(name: str, rng: Generator) -> Colour:
    """A shade of a named colour that anyone would call by that name."""
    if name in _GREYS:
        hue, saturation, value = 0.0, 0.0, _GREYS[name]
    else:
        hue = (HUES[name] + rng.uniform(-6, 6)) % 360
        saturation, value = rng.uniform(0.6, 0.9), rng.uniform(0.8, 1.0)
        if name == "pink":
            saturation, value = rng.uniform(0.3, 0.5), 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue / 360, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def plain(fill: Colour) -> Pil.Image:
    """One colour."""
    return Pil.new("RGB", (SIDE, SIDE), fill)


def gradient(top: Colour, bottom: Colour) -> Pil.Image:
    """From `top` to `bottom`."""
    t = np.linspace(0, 1, SIDE)[:, None, None]
    rows = np.array(top) * (1 - t) + np.array(bottom) * t
    return Pil.fromarray(np.broadcast_to(rows, (SIDE, SIDE, 3)).round().astype(np.uint8))


def source_code(rng: Generator) -> Pil.Image:
    """A dark code editor: indented lines of coloured words."""
    image = plain((24, 26, 42))
    draw = ImageDraw.Draw(image)
    # Half bright: what stands in front should stand out.
    words = [(170, 75, 130), (70, 140, 170), (50, 160, 80), (160, 160, 85), (140, 140, 150)]
    indent = 0
    for y in range(int(rng.integers(2, 8)), SIDE, 14):
        indent = int(np.clip(indent + rng.integers(-1, 2), 0, 3))
        x = 6 + 14 * indent
        for _ in range(rng.integers(2, 5)):
            width = int(rng.integers(14, 36))
            fill = words[rng.integers(len(words))]
            draw.rounded_rectangle((x, y, x + width, y + 6), 3, fill=fill)
            x += width + 8
    return image


def binary(rng: Generator) -> Pil.Image:
    """Green zeros and ones in columns on black."""
    image = plain((4, 14, 10))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    for x in range(2, SIDE, 16):
        for y in range(int(rng.integers(-12, 0)), SIDE, 21):
            light = rng.uniform(0.25, 0.7)
            fill = (round(50 * light), round(240 * light), round(110 * light))
            draw.text((x, y), str(rng.integers(2)), fill=fill, font=font)
    return image


def circuit(rng: Generator) -> Pil.Image:
    """A circuit board: traces with right angles between round pads."""
    boards = [((6, 56, 38), (50, 150, 95)), ((10, 32, 76), (55, 120, 190))]
    board, trace = boards[rng.integers(len(boards))]
    image = plain(board)
    draw = ImageDraw.Draw(image)
    for _ in range(11):
        x, y = (int(v) * 16 for v in rng.integers(0, SIDE // 16 + 1, 2))
        for turn in range(2):
            step = int(rng.choice((-1, 1)) * rng.integers(1, 4) * 16)
            end = (x + step, y) if turn == 0 else (x, y + step)
            draw.line((x, y, *end), fill=trace, width=4)
            x, y = end
        draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill=trace)
        draw.ellipse((x - 2, y - 2, x + 2, y + 2), fill=board)
    return image


def _stars(image: Pil.Image, rng: Generator, count: int) -> Pil.Image:
    draw = ImageDraw.Draw(image)
    for _ in range(count):
        x, y, r = rng.uniform(0, SIDE), rng.uniform(0, SIDE), rng.choice((1.0, 1.6, 2.4))
        draw.ellipse((x - r, y - r, x + r, y + r), fill=(255, 255, 220))
    return image


def night(rng: Generator) -> Pil.Image:
    """A starry sky."""
    return _stars(gradient((8, 10, 44), (30, 34, 100)), rng, 26)


def sky(rng: Generator) -> Pil.Image:
    """Blue sky with clouds."""
    image = gradient((95, 170, 250), (200, 230, 255))
    draw = ImageDraw.Draw(image)
    for _ in range(4):
        x, y = rng.uniform(0, SIDE), rng.uniform(0, 0.6 * SIDE)
        for puff in range(4):
            cx, cy = x + 11 * puff - 16, y + rng.uniform(-4, 4)
            draw.ellipse((cx - 11, cy - 9, cx + 11, cy + 9), fill=(255, 255, 255))
    return image


def meadow(rng: Generator) -> Pil.Image:
    """Sky over a green hill."""
    image = sky(rng)
    top = rng.uniform(70, 90)
    ImageDraw.Draw(image).ellipse((-70, top, 198, top + 190), fill=(90, 190, 80))
    return image


def beach(rng: Generator) -> Pil.Image:
    """Sky, sea and sand."""
    image = sky(rng)
    draw = ImageDraw.Draw(image)
    sea, sand = rng.uniform(58, 72), rng.uniform(92, 104)
    draw.rectangle((0, sea, SIDE, SIDE), fill=(40, 140, 210))
    draw.rectangle((0, sand, SIDE, SIDE), fill=(240, 215, 150))
    return image


def sunset(rng: Generator) -> Pil.Image:
    """An orange to purple evening."""
    return gradient((255, int(rng.integers(140, 175)), 70), (110, 50, 140))


def city(rng: Generator) -> Pil.Image:
    """Houses with lit windows at dusk."""
    image = gradient((250, 190, 120), (255, 230, 200))
    draw, x = ImageDraw.Draw(image), 0
    while x < SIDE:
        width, height = int(rng.integers(20, 32)), int(rng.integers(40, 96))
        grey = int(rng.integers(50, 100))
        draw.rectangle((x, SIDE - height, x + width, SIDE), fill=(grey, grey, grey + 25))
        for wy in range(SIDE - height + 6, SIDE, 12):
            for wx in range(x + 4, x + width - 4, 9):
                draw.rectangle((wx, wy, wx + 4, wy + 5), fill=(255, 230, 120))
        x += width + 3
    return image


#: Names of a computer science background, and what may be seen behind them.
COMPUTER_SCIENCE = ("computer science background", "computer science background",
                    "computer background", "programming background")  # fmt: skip

#: Scene -> (how to draw it, how captions call it).
SCENES: dict[str, tuple[Callable[[Generator], Pil.Image], tuple[str, ...]]] = {
    "source code": (source_code, ("code background", "source code background")),
    "binary": (binary, ("binary code background", "matrix background")),
    "circuit": (circuit, ("circuit board background", "electronics background")),
    "night": (night, ("night sky background", "starry background", "space background")),
    "sky": (sky, ("blue sky background", "sky background")),
    "meadow": (meadow, ("green meadow background", "grass background")),
    "beach": (beach, ("beach background", "sea background")),
    "sunset": (sunset, ("sunset background",)),
    "city": (city, ("city background", "skyline background")),
}
CODING = ("source code", "binary", "circuit")
