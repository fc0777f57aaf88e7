"""The lovebird: no emoji set has one, so it is made from the Fluent parrot.

A peach-faced lovebird has a green body, an orange-red face, a white eye ring and a blue rump; the
Fluent parrot has the shape, the eye ring and the blue, and the wrong colours.
"""

import numpy as np
from numpy.random import Generator
from PIL import Image as Pil
from PIL import ImageDraw, ImageFilter

from .art import Pixels

#: Where the eye is in the Fluent parrot, as fractions of the side.
_EYE = (0.348, 0.178)


def _hsv(pixels: Pixels) -> np.ndarray:
    return np.asarray(Pil.fromarray(pixels[..., :3]).convert("HSV")).astype(np.float32)


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    hsv = np.stack([hue % 256, saturation.clip(0, 255), value.clip(0, 255)], -1)
    return np.asarray(Pil.fromarray(hsv.astype(np.uint8), "HSV").convert("RGB"))


def recolour(parrot: Pixels, rng: Generator) -> Pixels:
    """Green body, peach to orange-red face, green wing; (side, side, 4) uint8."""
    side = parrot.shape[0]
    hsv = _hsv(parrot)
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    row = np.linspace(0, 1, side)[:, None] * np.ones((1, side))
    column = np.linspace(0, 1, side)[None] * np.ones((side, 1))
    eye = np.hypot(column - _EYE[0], row - _EYE[1]) < 0.066
    body = (np.abs((hue - 235 + 128) % 256 - 128) < 30) & (saturation > 50) & ~eye
    wing = (hue > 22) & (hue < 45) & (row > 0.33) & (row < 0.87) & (column > 0.3)
    # The face ends in a soft edge that runs down over the breast, as it does on the bird.
    edge = 0.36 + 0.14 * (0.62 - column)
    face = 1 / (1 + np.exp((row - edge) / 0.022))
    face_hue, green = rng.uniform(6, 14), rng.uniform(72, 86)
    hue = np.where(body, np.where(face > 0.5, face_hue, green), hue)
    saturation = np.where(body, np.where(face > 0.5, 185, 190), saturation)
    value = np.where(body, np.where(face > 0.5, value * 0.2 + 205, value * 0.85 + 18), value)
    hue = np.where(wing, green + 8, hue)
    value = np.where(wing, value * 0.62, value)
    return np.dstack([_rgb(hue, saturation, value), parrot[..., 3]])


def cheer(bird: Pixels) -> Pixels:
    """A really happy one: a closed, smiling eye and a blush."""
    side = 4 * bird.shape[0]  # drawn larger, for smooth edges
    image = Pil.fromarray(bird).resize((side, side), Pil.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    x, y, r = round(_EYE[0] * side), round(_EYE[1] * side), round(0.07 * side)
    draw.ellipse((x - r, y - r, x + r, y + r), fill=(245, 240, 238, 255))
    box = (x - r + 9, y - r + 18, x + r - 9, y + r + 16)
    draw.arc(box, 190, 350, fill=(40, 24, 30), width=15)
    blush = Pil.new("RGBA", image.size, (255, 80, 120, 0))
    bx, by = x + round(0.02 * side), y + round(0.125 * side)
    ImageDraw.Draw(blush).ellipse((bx - 26, by - 16, bx + 26, by + 16), fill=(255, 80, 120, 230))
    image.alpha_composite(blush.filter(ImageFilter.GaussianBlur(5)))
    return np.asarray(image.resize(bird.shape[:2], Pil.Resampling.BOX))
