"""Pictures: load, save, size, place, and the small nodes around them."""

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PIL")

from PIL import Image as Pil

from lovebird.graph.context import Context, Lazy
from lovebird.graph.errors import NodeError
from lovebird.graph.roots import Roots
from lovebird.graph.types import Image, Mask
from lovebird.nodes import files, image, inputs, logic, mask, sheet, text


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(roots=Roots(inputs=(tmp_path,), outputs=tmp_path / "out"))


def flat(*values: float, size: tuple[int, int] = (4, 6), channels: int = 3) -> Image:
    planes = [np.full((*size, channels), v, np.float32) for v in values]
    return Image(np.stack(planes))


def test_a_saved_picture_is_loaded_the_same(ctx: Context, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1, 7, 5, 4)).astype(np.float32) / 255
    name = files.save(ctx, Image(noise), "a/b").files[0]
    assert name == "a/b_00001.png"
    opened = files.load(Context(roots=Roots(inputs=(tmp_path / "out",))), name)
    assert np.array_equal(opened.image.pixels, noise.astype(np.float32))
    assert np.allclose(opened.mask.pixels, 1 - noise[..., 3])


def test_saving_never_overwrites_and_numbers_each_of_a_batch(ctx: Context) -> None:
    assert files.save(ctx, flat(0, 1)).files == ["picture_00001.png", "picture_00002.png"]
    assert files.save(ctx, flat(0)).files == ["picture_00003.png"]
    assert not list(Path(ctx.roots.outputs).glob("*.part*"))


@pytest.mark.parametrize(
    "prefix", ["../x", "a/../../x", "..\\x", "C:\\x", "\\\\host\\x", "x\0", "con/x", ""]
)
def test_no_prefix_leads_out_of_the_outputs(ctx: Context, tmp_path: Path, prefix: str) -> None:
    with pytest.raises(NodeError):
        files.save(ctx, flat(0), prefix)
    assert not list(tmp_path.rglob("*.png"))


def test_numbers_that_are_not_finite_are_an_error_not_a_black_picture(ctx: Context) -> None:
    with pytest.raises(NodeError, match="not finite"):
        files.save(ctx, flat(float("nan")))


def test_a_bomb_and_a_broken_file_are_refused(ctx: Context, tmp_path: Path) -> None:
    Pil.new("1", (19_000, 19_000)).save(tmp_path / "bomb.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(NodeError, match=r"over 100,000,000 pixels|bomb"):
        files.load(ctx, "bomb.png")
    with pytest.raises(NodeError, match=r"broken\.png can't be read"):
        files.load(ctx, "broken.png")


def test_a_loaded_file_is_known_by_its_content(ctx: Context, tmp_path: Path) -> None:
    Pil.new("RGB", (3, 3), "red").save(tmp_path / "p.png")
    ask = files.load.changes[0]
    before = ask(ctx, "p.png")
    Pil.new("RGB", (3, 3), "blue").save(tmp_path / "p.png")
    assert ask(ctx, "p.png") != before


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ({"scale": 2.0}, (8, 12)),
        ({"width": 12}, (8, 12)),
        ({"width": 6, "height": 6, "fit": "cover"}, (6, 6)),
        ({"width": 6, "height": 6, "fit": "inside"}, (4, 6)),
        ({"width": 5, "height": 3}, (3, 5)),
    ],
)
def test_resize_gives_the_size_that_was_asked(given: Any, shape: tuple[int, int]) -> None:
    assert image.resize(flat(0.5), **given).pixels.shape == (1, *shape, 3)


def test_resize_keeps_a_flat_colour_and_does_not_bleed_transparency() -> None:
    pixels = np.zeros((1, 4, 4, 4), np.float32)
    pixels[:, :, :2] = (1, 0, 0, 1)
    big = image.resize(Image(pixels), scale=4.0).pixels
    seen = big[..., 3] > 0.02
    assert np.allclose(big[seen][:, 0], 1, atol=0.02)


def test_crop_pad_and_flip() -> None:
    ramp = Image(np.arange(24, dtype=np.float32).reshape(1, 4, 6, 1) / 24)
    assert np.array_equal(image.crop(ramp, 1, 1, 2, 2).pixels, ramp.pixels[:, 1:3, 1:3])
    assert image.pad(ramp, 1, 2, 3, 4).pixels.shape == (1, 10, 10, 3)
    assert np.array_equal(image.flip(ramp).pixels, ramp.pixels[:, :, ::-1])
    with pytest.raises(NodeError, match="must lie in a picture of 6x4"):
        image.crop(ramp, 5, 0, 9, 1)


def test_composite_lays_one_over_the_other_by_mask_and_opacity() -> None:
    half = Mask(np.concatenate([np.ones((1, 4, 3)), np.zeros((1, 4, 3))], 2).astype(np.float32))
    out = image.composite(flat(0), flat(1), half, opacity=0.5).pixels
    assert np.allclose(out[:, :, :3], 0.5) and np.allclose(out[:, :, 3:], 0)
    moved = image.composite(flat(0), flat(1), left=-4, top=2).pixels
    assert moved.sum() == 2 * 2 * 3


def test_nodes_leave_their_inputs_alone() -> None:
    one, two = flat(0.2), flat(0.8)
    for array in (one.pixels, two.pixels):
        array.flags.writeable = False
    image.composite(one, two)
    image.pad(one, 1)
    image.grid([one, two])
    mask.apply(one, Mask(np.ones((1, 4, 6), np.float32)))


def test_a_grid_is_square_and_takes_labels() -> None:
    plain = image.grid([flat(0, 1), flat(0.5)], gap=0)
    assert plain.pixels.shape == (1, 8, 12, 3)
    named = image.grid([flat(0, size=(20, 60))], gap=0, labels=["seed 1"]).pixels
    assert named.shape == (1, 34, 60, 3) and named[0, 20:].min() < 0.5


def test_axes_give_every_pair_with_a_label() -> None:
    axes = sheet.axes([1.0, 2.0], [4, 8])
    assert (axes.across, axes.down) == ([1.0, 2.0, 1.0, 2.0], [4, 4, 8, 8])
    assert axes.labels[0] == "guidance 1, steps 4"


def test_masks_come_from_channels_and_are_inverted_and_softened() -> None:
    white = mask.from_image(flat(1))
    assert np.allclose(white.pixels, 1)
    assert np.allclose(mask.invert(white).pixels, 0)
    assert mask.blur(white).pixels.shape == (1, 4, 6)
    assert mask.to_image(white).pixels.shape == (1, 4, 6, 3)


def test_a_switch_computes_only_the_branch_it_takes() -> None:
    async def wanted() -> str:
        return "yes"

    async def unwanted() -> str:
        raise AssertionError

    assert asyncio.run(logic.switch.fn(True, Lazy(wanted), Lazy(unwanted))) == "yes"


def test_logic_and_text() -> None:
    assert logic.compare(1, 2, "<") and not logic.compare(1, 2, "=")
    assert text.join("a", "", "c") == "a, c"
    assert inputs.choice("a\nb", 3) == "b"
