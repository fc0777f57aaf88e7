"""The shipped model: small, standard, sound, and it draws what the words say."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from lovebird.graph.roots import Roots  # noqa: E402
from lovebird.graph.workflow import Workflow  # noqa: E402
from lovebird.nodes import metadata  # noqa: E402
from lovebird.plugins.session import open_engine  # noqa: E402

ROOT = Path(__file__).parent.parent
SHIPPED = ROOT / "plugins" / "fledgling"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    roots = Roots(inputs=(folder,), outputs=folder / "outputs", models=(folder / "models",))
    engine = open_engine(roots=roots, disk=False, device="cpu")
    yield engine
    engine.close()


def drawn(engine: Any, prompt: str, seed: int = 0) -> np.ndarray:
    """The flagship's picture of a prompt, (64, 64, 3) from 0 to 1."""
    w = Workflow.load(ROOT / "workflows/lovebird.json")
    w.set("prompt.text", prompt)
    w.set("sample.seed", seed)
    return engine.run(w, ["decode"])["decode"].pixels[0]


def test_what_ships_is_safetensors_and_under_its_budget():
    weights = [p for p in SHIPPED.rglob("*") if p.suffix in (".safetensors", ".bin", ".pt", ".pkl")]
    assert weights and {p.suffix for p in weights} == {".safetensors"}
    assert sum(p.stat().st_size for p in (SHIPPED / "image").rglob("*.*")) < 40e6


def test_the_flagship_draws_a_green_bird_with_an_orange_head_on_a_dark_ground(engine):
    prompt = Workflow.load(ROOT / "workflows/lovebird.json").nodes["prompt"].inputs["text"]
    picture = drawn(engine, prompt)
    red, green, blue = np.moveaxis(picture, 2, 0)
    assert picture.shape == (64, 64, 3) and np.isfinite(picture).all()
    body = (green > 0.4) & (green > red + 0.1) & (green > blue + 0.1)
    head = (red > 0.7) & (red > blue + 0.3) & (red > green + 0.1)
    assert body.sum() > 150 and head.sum() > 80
    assert np.argwhere(head)[:, 0].mean() < np.argwhere(body)[:, 0].mean(), "head over body"
    corners = np.concatenate([picture[:6, :6], picture[:6, -6:]]).mean()
    assert corners < 0.6


@pytest.mark.parametrize(
    ("prompt", "channel"), [("a red heart", 0), ("a green heart", 1), ("a blue heart", 2)]
)
def test_colours_bind_to_things(engine, prompt, channel):
    middle = drawn(engine, prompt)[20:44, 20:44].reshape(-1, 3).mean(0)
    assert middle.argmax() == channel


@pytest.mark.parametrize(
    ("prompt", "channel"),
    [("a penguin with a red background", 0), ("a penguin with a blue background", 2)],
)
def test_backgrounds_bind(engine, prompt, channel):
    picture = drawn(engine, prompt)
    edge = np.concatenate([picture[:4].reshape(-1, 3), picture[:, :4].reshape(-1, 3)]).mean(0)
    assert edge.argmax() == channel


def test_the_shipped_clip_finds_the_prompt_of_most_pictures(engine):
    from transformers import CLIPModel, CLIPTokenizer

    clip = CLIPModel.from_pretrained(SHIPPED / "clip", torch_dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(SHIPPED / "clip")
    things = ["apple", "rocket", "cat face", "penguin", "pizza", "heart", "house", "tree", "robot",
              "cake", "lovebird", "owl"]  # fmt: skip
    prompts = [f"a {t}" for t in things]
    pixels = torch.from_numpy(np.stack([drawn(engine, p) for p in prompts])).permute(0, 3, 1, 2)
    words = tokenizer(prompts, padding=True, return_tensors="pt")
    with torch.no_grad():
        scores = clip(**words, pixel_values=pixels * 2 - 1).logits_per_image
    assert (scores.argmax(1) == torch.arange(len(things))).sum() >= 9


@pytest.mark.parametrize("name", ["lovebird", "text_to_image", "prompt_grid", "xy_plot"])
def test_the_examples_run_on_it_and_their_pictures_carry_them(engine, name):
    result = engine.run(Workflow.load(ROOT / f"workflows/{name}.json"))
    for file in result["save.files"]:
        text = metadata.extract(engine.context.roots.outputs / file)
        assert text and Workflow.read(text).name


def test_a_picture_it_made_is_changed_by_image_to_image(engine):
    from PIL import Image

    folder = engine.context.roots.inputs[0]
    before = drawn(engine, "a happy lovebird")
    Image.fromarray((before.clip(0, 1) * 255).astype(np.uint8)).save(folder / "picture.png")
    w = Workflow.load(ROOT / "workflows/image_to_image.json")
    after = engine.run(w, ["decode"])["decode"].pixels[0]
    difference = np.abs(after - before).mean()
    assert after.shape == before.shape and 0.005 < difference < 0.35
