"""Pictures in and out of files: names stay inside the input and output folders."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np

from ...graph.atomic import replacing
from ...graph.context import Context
from ...graph.errors import NodeError
from ...graph.node import node
from ...graph.types import Image, Mask
from ...graph.widgets import File, Slider
from ...plugins import hookimpl
from .. import metadata
from ..pixels import from_bytes, rgba, to_bytes

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
PIXELS = 100_000_000
"""Pictures larger than this are refused: Pillow alone only warns, and would unpack them."""


class Saved(NamedTuple):
    """The picture again, and the names of its files under the outputs folder."""

    image: Image
    files: list[str]


class Opened(NamedTuple):
    """A picture and its transparency."""

    image: Image
    mask: Mask


@node(id="image.load", lane="io")
def load(ctx: Context, file: Annotated[str, File(SUFFIXES)]) -> Opened:
    """Load a picture.

    Read a picture from the input folder. Its transparency comes as a mask: what is transparent
    is to be changed.
    """
    pixels = open_picture(ctx.roots.find(file))
    return Opened(Image(pixels), Mask(1 - rgba(pixels)[..., 3]))


@load.changed
def _content(ctx: Context, file: str) -> str:
    """The hash of the file: the same name may hold another picture tomorrow."""
    return digest(ctx.roots.find(file))


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def open_picture(path: Path) -> np.ndarray:
    """Read (1, height, width, 1|3|4) from a file; raises NodeError for what is none, or a bomb."""
    from PIL import Image as Pil
    from PIL import ImageOps

    try:
        with Pil.open(path, formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > PIXELS:
                raise NodeError(f"{path.name} is {width}x{height}: over {PIXELS:,} pixels", "file")
            picture = ImageOps.exif_transpose(picture)
            clear = "A" in picture.getbands() or "transparency" in picture.info
            grey = picture.mode in ("L", "1", "I;16") and not clear
            mode = "RGBA" if clear else "L" if grey else "RGB"
            data = np.asarray(picture.convert(mode))
    except NodeError:
        raise
    except Exception as e:  # Pillow raises many kinds for broken files
        raise NodeError(f"{path.name} can't be read as a picture: {e}", "file") from None
    return from_bytes(data.reshape(1, *data.shape[:2], -1))


@node(id="image.save", lane="io", pure=False)
def save(
    ctx: Context,
    image: Image,
    prefix: str = "picture",
    workflow: bool = True,
    compression: Annotated[int, Slider(0, 9)] = 4,
) -> Saved:
    """Save pictures.

    Write each picture of a batch as a PNG under the output folder, numbered, never over another.
    With `workflow` the file carries the graph that made it: open it to get the graph back.
    """
    text = metadata.document(ctx.workflow) if workflow else None
    files = []
    for picture in to_bytes(image.pixels):
        data = png(picture, compression)
        name = write_numbered(
            ctx, prefix, ".png", metadata.Png().embed(data, text) if text else data
        )
        files.append(name)
    return Saved(image, files)


def png(picture: np.ndarray, compression: int = 4) -> bytes:
    """A picture (height, width, channels) of bytes as a PNG file."""
    from PIL import Image as Pil

    buffer = io.BytesIO()
    flat = picture[..., 0] if picture.shape[2] == 1 else picture
    Pil.fromarray(flat).save(buffer, "PNG", compress_level=compression)
    return buffer.getvalue()


def write_numbered(ctx: Context, prefix: str, suffix: str, data: bytes) -> str:
    """Write `prefix_00001.png` or the next free number, all at once; give its name."""
    if not prefix.strip() or prefix.endswith(("/", "\\")):
        raise NodeError(f"the prefix {prefix!r} names no file; use one such as 'picture'", "prefix")
    first = ctx.roots.place(f"{prefix}_00001{suffix}")
    root = Path(ctx.roots.outputs).resolve()
    number = _last(first.parent, first.name.removesuffix(f"_00001{suffix}"), suffix)
    while True:
        number += 1
        path = first.with_name(first.name.replace(f"_00001{suffix}", f"_{number:05}{suffix}"))
        try:
            path.touch(exist_ok=False)  # takes the name: nobody else will write it
        except FileExistsError:
            continue
        break
    try:
        with replacing(path) as temporary:
            temporary.write_bytes(data)
    except OSError as e:
        path.unlink(missing_ok=True)
        raise NodeError(f"can't write {path.name}: {e.strerror}") from None
    return path.relative_to(root).as_posix()


def _last(folder: Path, stem: str, suffix: str) -> int:
    pattern = re.compile(re.escape(stem) + r"_(\d{5,9})" + re.escape(suffix))
    found = (pattern.fullmatch(p.name) for p in folder.iterdir())
    return max((int(m[1]) for m in found if m), default=0)


@node(id="image.preview", lane="inline")
def preview(image: Image) -> Image:
    """Preview.

    Show pictures in the editor without saving them.
    """
    return image


@hookimpl
def register_nodes() -> list[Any]:
    """The nodes of this package."""
    return [load, save, preview]
