import json
from pathlib import Path

import numpy as np
import pytest

from lovebird.graph.context import Context
from lovebird.graph.errors import Cancelled
from lovebird.graph.roots import Roots
from lovebird.nodes.dataset import Pictures
from lovebird.nodes.train import checkpoint, loop
from lovebird.nodes.train.data import Dataset

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("transformers")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Squares of a colour on white, with captions, and as many drawings."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    colours = {"red": (255, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 255)}
    names = [list(colours)[i] for i in rng.integers(3, size=48)]
    pictures = np.full((48, 64, 64, 3), 255, np.uint8)
    for picture, name in zip(pictures, names, strict=True):
        picture[16:48, 16:48] = colours[name]
    art = np.concatenate([pictures, np.full((48, 64, 64, 1), 255, np.uint8)], -1)
    np.save(folder / "pictures.npy", pictures)
    np.save(folder / "art.npy", art)
    rows = {
        "captions": [[f"a {name} square", f"{name} square"] for name in names],
        "concept": names,
        "style": ["flat"] * 48,
        "background": ["white"] * 48,
    }
    (folder / "captions.json").write_text(json.dumps(rows))
    labels = [[f"thing {i}", "flat", "object", ["square"]] for i in range(48)]
    (folder / "art.json").write_text(json.dumps(labels))
    return Pictures(str(folder))


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(4))


def line(folder: Path, steps: int, stop_at: int | None = None) -> loop.Run:
    """Fit four numbers to noise; a step's target depends on its own draw."""
    model = Line()
    run = loop.Run({"line": model}, loop.Plan(steps, {"line": 0.1}, save_every=3), folder)

    def loss(step: int, draw: loop.Draw) -> torch.Tensor:
        return (model.w - torch.randn(4, generator=draw.torch)).pow(2).mean()

    def report(run: loop.Run, loss: float) -> None:
        if run.step == stop_at:
            raise Cancelled

    loop.fit(run, loss, report)
    return run


def test_a_resumed_run_gives_the_weights_of_one_that_was_not_stopped(tmp_path: Path) -> None:
    whole = line(tmp_path / "whole", 10)
    with pytest.raises(Cancelled):
        line(tmp_path / "parts", 10, stop_at=5)
    parts = line(tmp_path / "parts", 10)
    assert torch.equal(whole.modules["line"].w, parts.modules["line"].w)


def test_a_cancelled_run_keeps_the_step_it_was_at(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        line(tmp_path / "run", 10, stop_at=5)
    found = checkpoint.load(tmp_path / "run")
    assert found is not None
    assert found[1]["step"] == 5


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first = line(tmp_path / "run", 4)
    again = line(tmp_path / "run", 4)
    assert torch.equal(first.modules["line"].w, again.modules["line"].w)


def test_a_checkpoint_that_was_cut_off_leaves_the_one_before(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "c", {"x": torch.ones(2)}, {"step": 1})
    (tmp_path / "c").rename(tmp_path / "c.old")
    (tmp_path / "c.part").mkdir()
    found = checkpoint.load(tmp_path / "c")
    assert found is not None
    assert found[1] == {"step": 1}


def test_a_checkpoint_holds_no_pickle(tmp_path: Path) -> None:
    line(tmp_path / "run", 2)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "state.json",
        "tensors.safetensors",
    ]


def test_the_rate_warms_up_stays_and_falls() -> None:
    plan = loop.Plan(100, {}, warmup=10, decay=0.5)
    assert plan.rate(0) == pytest.approx(0.1)
    assert plan.rate(30) == 1.0
    assert plan.rate(99) < 0.05


def test_evaluation_within_averaged_weights_gives_the_weights_back(tmp_path: Path) -> None:
    run = line(tmp_path / "run", 3)
    before = run.modules["line"].w.detach().clone()
    with run.averaged():
        assert not run.modules["line"].training
    assert torch.equal(before, run.modules["line"].w)


def test_whitening_changes_the_latents_and_not_the_pictures(dataset: Pictures) -> None:
    from lovebird.nodes.train import autoencoder
    from lovebird.nodes.train.data import tensor

    data = Dataset(Path(dataset.folder))
    model = autoencoder.new((8, 8, 8))
    pixels = tensor(data.pictures[:8])
    with torch.no_grad():
        before = model.decode(model.encode(pixels).latent_dist.mean).sample
        spread = model.encode(pixels).latent_dist.std
        autoencoder.whiten(model, data)
        posterior = model.encode(pixels).latent_dist
        after = model.decode(posterior.mean).sample
    assert torch.allclose(before, after, atol=1e-4)
    latents = model.encode(tensor(data.pictures[data.held_out :])).latent_dist.mean
    assert latents.std((0, 2, 3)).detach().numpy() == pytest.approx(np.ones(4), rel=0.1)
    assert not torch.allclose(spread, posterior.std)


def test_noise_and_velocity_give_the_clean_latents_back() -> None:
    from lovebird.nodes.train import diffusion

    clean, noise = torch.randn(2, 3, 4, 8, 8)
    power = diffusion.signal()[torch.tensor([10, 500, 999])]
    noisy, velocity = diffusion.noised(clean, noise, power)
    alpha, sigma = power.sqrt().view(-1, 1, 1, 1), (1 - power).sqrt().view(-1, 1, 1, 1)
    assert torch.allclose(alpha * noisy - sigma * velocity, clean, atol=1e-5)
    assert power[-1] == 0


def test_the_tokenizer_ends_captions_with_the_end_that_clip_reads(dataset: Pictures) -> None:
    from lovebird.nodes.train import clip

    words = clip.tokenizer(clip.corpus(Dataset(Path(dataset.folder))), 600)
    model = clip.new(words, width=32, layers=2)
    ids = words(["A Red  square"], padding="max_length", max_length=32).input_ids[0]
    assert ids[0] == model.config.text_config.bos_token_id
    assert ids[-1] == model.config.text_config.eos_token_id
    assert words.decode(ids, skip_special_tokens=True).strip() == "a red square"


def test_training_from_data_set_to_a_pipeline_that_draws(dataset: Pictures, tmp_path: Path) -> None:
    from diffusers import StableDiffusionPipeline

    from lovebird.nodes.train import nodes as train

    seen: list[int] = []
    roots = Roots(outputs=tmp_path)
    ctx = Context(roots=roots, emit=lambda kind, event: seen.append(event.get("step", 0)))
    vae = train.autoencoder(ctx, dataset, steps=2, batch=4)
    text = train.clip(ctx, dataset, steps=2, batch=6)
    unet = train.diffusion(ctx, dataset, vae, text, steps=2, batch=4, prompts="a red square")
    folder = train.assemble(ctx, vae, text, unet)
    assert max(seen) == 2
    pipe = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    image = pipe("a red square", num_inference_steps=2, output_type="np").images
    assert image.shape == (1, 64, 64, 3)
    assert np.isfinite(image).all()
    assert not list(Path(folder).rglob("*.bin"))


def test_cancelling_a_training_node_keeps_a_checkpoint(dataset: Pictures, tmp_path: Path) -> None:
    from lovebird.nodes.train import nodes as train

    taken: list[int] = []
    ctx = Context(
        roots=Roots(outputs=tmp_path),
        emit=lambda kind, event: taken.append(event.get("step", 0)),
        stopped=lambda: len(taken) >= 1,
    )
    with pytest.raises(Cancelled):
        train.autoencoder(ctx, dataset, name="stopped", steps=50, batch=4)
    found = checkpoint.load(tmp_path / "stopped-checkpoint")
    assert found is not None
    assert 0 < found[1]["step"] < 50
