"""Read the emoji packages (npm tarballs, unpacked) and render them to RGBA arrays.

Only sets that may be shipped: Fluent (MIT), its 3D renders (MIT, kept where the MIT Fluent sets
have the same emoji) and Noto (Apache-2.0).
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

Pixels = NDArray[np.uint8]

#: Side of a rendered drawing, in pixels: twice the training size, so that it is box-filtered once.
SIDE = 128

#: Art set -> how its npm package's folder begins.
SETS = {
    "3d": "lobehub-fluent-emoji-3d-",
    "glossy": "iconify-json-fluent-emoji-1",
    "flat": "iconify-json-fluent-emoji-flat-",
    "noto": "iconify-json-noto-1.2.9",
}

#: emojibase groups that are drawings of things; flags, components and letters are left out.
_GROUPS = {0: "smiley", 3: "animal", 4: "food", 5: "travel", 6: "activity", 7: "object"}


class Emoji(NamedTuple):
    """An entry of the emoji list: its `label`, `group` and `tags` (search words)."""

    label: str
    group: str
    tags: tuple[str, ...]


class Drawing(NamedTuple):
    """One rendered emoji of set `style`: `pixels` (side, side, 4) uint8, straight alpha."""

    pixels: Pixels
    label: str
    style: str
    group: str
    tags: tuple[str, ...]


def package(folder: Path, start: str) -> Path:
    """The unpacked npm package in `folder` whose folder name begins with `start`."""
    found = sorted(folder.glob(f"{start}*/package"))
    if not found:
        raise FileNotFoundError(
            f"no package {start}* under {folder}: fetch it with `npm pack` and unpack it there "
            "(docs/fledgling.md lists the lines)"
        )
    return found[0]


def code(hexes: str) -> str:
    """A code point sequence without the variation selector that sets disagree about."""
    return "-".join(part for part in hexes.lower().split("-") if part != "fe0f")


def emoji(folder: Path) -> dict[str, Emoji]:
    """Code point sequence -> emoji, for every emoji that is a drawing of a thing."""
    entries = json.loads((package(folder, "emojibase-data-") / "en/data.json").read_text())
    return {
        code(entry["hexcode"]): Emoji(
            entry["label"], _GROUPS[entry["group"]], tuple(entry.get("tags", ()))
        )
        for entry in entries
        if entry.get("group") in _GROUPS
    }


def _square(image: Pil.Image, side: int) -> Pixels:
    """Fit `image` into a transparent square; resampled with premultiplied alpha (no dark rims)."""
    image = image.convert("RGBA").convert("RGBa")
    scale = side / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    if image.size != size:
        image = image.resize(size, Pil.Resampling.LANCZOS)
    image = image.convert("RGBA")
    if size == (side, side):
        return np.asarray(image)
    square = Pil.new("RGBA", (side, side))
    square.paste(image, ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(square)


def _svg(icon: dict[str, str], icons: dict[str, int], side: int) -> Pixels:
    import resvg_py

    width, height = icon.get("width", icons.get("width")), icon.get("height", icons.get("height"))
    box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {height}"
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" width="{width}" height="{height}">{icon["body"]}</svg>'
    )
    data = resvg_py.svg_to_bytes(svg_string=text, width=side, height=side)
    return _square(Pil.open(io.BytesIO(bytes(data))), side)


def names(root: Path) -> dict[str, str]:
    """Code -> icon name of an iconify package.

    One package has no code table; its icons are called by the emoji's label.
    """
    chars = json.loads((root / "chars.json").read_text())
    if chars:
        return {code(hexes): name for hexes, name in chars.items()}
    labels = {slug(entry.label): at for at, entry in emoji(root.parent.parent).items()}
    icons = json.loads((root / "icons.json").read_text())["icons"]
    return {labels[name]: name for name in icons if name in labels}


def slug(label: str) -> str:
    """An emoji label as an icon name: lower case words joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", label.lower().replace("’", "")))


def _vector(root: Path, side: int) -> Iterator[tuple[str, Callable[[], Pixels]]]:
    """(code, render) of every icon of an iconify package."""
    icons = json.loads((root / "icons.json").read_text())
    for at, name in names(root).items():
        icon = icons["icons"].get(name)
        if icon is not None:
            yield at, lambda icon=icon: _svg(icon, icons, side)


def _raster(root: Path, side: int) -> Iterator[tuple[str, Callable[[], Pixels]]]:
    """(code, render) of every picture of the 3D package."""
    for path in sorted((root / "assets").glob("*.webp")):
        yield code(path.stem), lambda path=path: _square(Pil.open(path), side)


def read_set(
    folder: Path, style: str, labels: frozenset[str] | None = None, side: int = SIDE
) -> list[Drawing]:
    """Render an art set; `labels` limits it to these emoji. Sorted by code, so order is stable."""
    known, root = emoji(folder), package(folder, SETS[style])
    icons = _raster(root, side) if style == "3d" else _vector(root, side)
    twins = mit_fluent(folder) if style == "3d" else None
    drawings: dict[str, Drawing] = {}
    for at, render in icons:
        entry = known.get(at)
        if entry is None or at in drawings or (twins is not None and at not in twins):
            continue
        if labels is None or entry.label in labels:
            drawings[at] = Drawing(render(), entry.label, style, entry.group, entry.tags)
    return [drawings[at] for at in sorted(drawings)]


def mit_fluent(folder: Path) -> frozenset[str]:
    """Codes in Microsoft's MIT-licensed Fluent sets: only these 3D renders are kept."""
    codes: set[str] = set()
    for style in ("glossy", "flat"):
        codes.update(names(package(folder, SETS[style])))
    return frozenset(codes)
