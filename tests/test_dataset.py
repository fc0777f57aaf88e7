import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lovebird.graph.workflow import Workflow
from lovebird.nodes.dataset import build, compose, packages, scenes
from lovebird.nodes.dataset.art import SIDE, Drawing
from lovebird.nodes.dataset.captions import article
from lovebird.nodes.dataset.concepts import concepts


def disc(colour: tuple[int, int, int], label: str, style: str) -> Drawing:
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[np.hypot(x, y) < 50] = (*colour, 255)
    return Drawing(pixels, label, style, "animal", ())


@pytest.fixture(scope="module")
def shelf() -> compose.Library:
    drawings = [disc((230, 20, 20), "red apple", s) for s in ("3d", "flat")]
    drawings += [disc((230, 30, 120), "parrot", s) for s in ("3d", "noto")]
    return compose.library(drawings, concepts())


def test_a_picture_depends_on_the_seed_and_its_number_alone(shelf: compose.Library) -> None:
    first, again = compose.picture(shelf, 7, 3), compose.picture(shelf, 7, 3)
    assert np.array_equal(first.pixels, again.pixels)
    assert first.captions == again.captions
    assert not np.array_equal(first.pixels, compose.picture(shelf, 7, 4).pixels)


def test_flat_and_noto_drawings_are_always_called_by_their_style(shelf: compose.Library) -> None:
    pictures = [compose.picture(shelf, 0, i) for i in range(80)]
    said = [(p.style, c) for p in pictures for c in p.captions if p.style in ("flat", "noto")]
    assert said
    assert all(style in caption for style, caption in said)


def test_a_recoloured_drawing_has_the_colour_it_is_called_by() -> None:
    red = disc((230, 20, 20), "red apple", "3d").pixels
    own = compose.tint(red)
    assert own is not None
    assert own.name == "red"
    blue = compose.recoloured(red, own, "blue")
    assert compose.tint(blue).name == "blue"  # pyright: ignore[reportOptionalMemberAccess]


@pytest.mark.parametrize("name", scenes.SCENES)
def test_scenes_are_drawn_alike_from_the_same_seed(name: str) -> None:
    draw, phrases = scenes.SCENES[name]
    one, two = (np.asarray(draw(np.random.default_rng(1))) for _ in range(2))
    assert one.shape == (SIDE, SIDE, 3)
    assert np.array_equal(one, two)
    assert all(phrase.endswith("background") for phrase in phrases)


@pytest.mark.parametrize(
    ("words", "want"),
    [("owl", "an owl"), ("unicorn", "a unicorn"), ("cherries", "cherries"), ("fox", "a fox")],
)
def test_articles(words: str, want: str) -> None:
    assert article(words) == want


def test_halving_keeps_the_colour_at_soft_edges() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, 0] = (200, 100, 50, 255)
    assert build.halve(pixels)[0, 0].tolist() == [200, 100, 50, 64]


def test_a_package_that_would_write_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with tarfile.open(tmp_path / "in" / "evil.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("../../outside")
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(tarfile.OutsideDestinationError):
        packages.unpack(tmp_path / "in", tmp_path / "out")


def test_the_training_workflow_reads_back_the_same() -> None:
    path = Path(__file__).parents[1] / "workflows/training/fledgling.json"
    assert Workflow.load(path).text() == path.read_text()
