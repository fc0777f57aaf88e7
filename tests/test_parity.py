"""Our chain of nodes gives the very tensors that diffusers' own pipelines give."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import diffusers as d  # noqa: E402
import tiny_models as tiny  # noqa: E402

from lovebird.graph.context import Context  # noqa: E402
from lovebird.graph.roots import Roots  # noqa: E402
from lovebird.graph.types import Image, Latents  # noqa: E402
from lovebird.nodes import latent, models, sampling, text, vae  # noqa: E402

PROMPT, NEGATIVE = "a happy lovebird in pixar style", "a sad cat"
SIZE = {"width": 32, "height": 32}
METHODS = {
    "ddim": (d.DDIMScheduler, {}),
    "ddpm": (d.DDPMScheduler, {}),
    "pndm": (d.PNDMScheduler, {}),
    "euler": (d.EulerDiscreteScheduler, {}),
    "euler a": (d.EulerAncestralDiscreteScheduler, {}),
    "heun": (d.HeunDiscreteScheduler, {}),
    "dpm2": (d.KDPM2DiscreteScheduler, {}),
    "dpm2 a": (d.KDPM2AncestralDiscreteScheduler, {}),
    "dpm++ 2m": (d.DPMSolverMultistepScheduler, {}),
    "dpm++ 2m karras": (d.DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpm++ 2m sde": (d.DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "dpm++ 2s": (d.DPMSolverSinglestepScheduler, {}),
    "deis": (d.DEISMultistepScheduler, {}),
    "unipc": (d.UniPCMultistepScheduler, {}),
    "sa": (d.SASolverScheduler, {}),
    "lcm": (d.LCMScheduler, {}),
    "tcd": (d.TCDScheduler, {}),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def ctx(home: Path) -> Context:
    return Context(roots=Roots(inputs=(home,), outputs=home / "out", models=(home,)))


@pytest.fixture(scope="module")
def sd(home: Path) -> Any:
    return tiny.save(tiny.sd_pipeline(), home / "sd") and _reload(
        d.StableDiffusionPipeline, home / "sd"
    )


@pytest.fixture(scope="module")
def sdxl(home: Path) -> Any:
    tiny.save(tiny.sdxl_pipeline(), home / "sdxl")
    return _reload(d.StableDiffusionXLPipeline, home / "sdxl")


@pytest.fixture(scope="module")
def refiner(home: Path, sdxl: Any) -> Any:
    tiny.save(tiny.refiner_pipeline(sdxl), home / "refiner")
    return _reload(d.StableDiffusionXLImg2ImgPipeline, home / "refiner")


def _reload(cls: Any, folder: Path) -> Any:
    pipe = cls.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def parts(ctx: Context, sd: Any) -> models.Loaded:
    return models.load(ctx, "sd")


@pytest.fixture(scope="module")
def parts_xl(ctx: Context, sdxl: Any) -> models.Loaded:
    return models.load(ctx, "sdxl")


@pytest.fixture(scope="module")
def picture() -> Image:
    return Image(np.random.default_rng(0).random((1, 32, 32, 3), np.float32))


def rng(seed: int) -> Any:
    return torch.Generator().manual_seed(seed)


def prompts(ctx: Context, parts: models.Loaded, **more: Any) -> dict[str, Any]:
    positive = text.encode(ctx, parts.text_encoder, PROMPT, **more)
    return {"positive": positive, "negative": text.encode(ctx, parts.text_encoder, NEGATIVE)}


def chain(ctx: Context, parts: models.Loaded, first: Any = None, **given: Any) -> Latents:
    first = first or latent.empty(parts.model, 32, 32)
    given = prompts(ctx, parts) | given
    return sampling.sample(ctx, parts.model, parts.scheduler, latents=first, **given)


@pytest.mark.parametrize("method", METHODS)
def test_text_to_image_is_the_pipelines_for_each_scheduler(
    ctx: Context, sd: Any, parts: models.Loaded, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, config = METHODS[method]
    monkeypatch.setattr(sd, "scheduler", cls.from_config(sd.scheduler.config, **config))
    ours = chain(ctx, parts, seed=3, steps=5, guidance=7.5, method=method)
    theirs = sd(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=rng(3),
        num_inference_steps=5,
        guidance_scale=7.5,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


def test_the_models_own_scheduler_and_the_decoder_give_the_same_pixels(
    ctx: Context, sd: Any, parts: models.Loaded
) -> None:
    ours = vae.decode(ctx, parts.vae, chain(ctx, parts, seed=1, steps=4))
    theirs = sd(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=rng(1),
        num_inference_steps=4,
        guidance_scale=7.0,
        output_type="np",
        **SIZE,
    ).images
    assert np.array_equal(ours.pixels, theirs)


def test_guidance_rescale_and_eta_are_the_pipelines(
    ctx: Context, sd: Any, parts: models.Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sd, "scheduler", d.DDIMScheduler.from_config(sd.scheduler.config))
    ours = chain(ctx, parts, seed=2, steps=4, guidance=9.0, rescale=0.7, eta=0.5, method="ddim")
    theirs = sd(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=rng(2),
        num_inference_steps=4,
        eta=0.5,
        guidance_scale=9.0,
        guidance_rescale=0.7,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


def test_no_guidance_needs_no_negative_prompt(ctx: Context, sd: Any, parts: models.Loaded) -> None:
    ours = chain(ctx, parts, negative=None, seed=2, steps=3, guidance=1.0)
    theirs = sd(
        PROMPT,
        generator=rng(2),
        num_inference_steps=3,
        guidance_scale=1.0,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


@pytest.mark.parametrize("skip", [1, 2])
def test_clip_skip_is_the_pipelines(
    ctx: Context, sd: Any, parts: models.Loaded, skip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # diffusers 0.42 looks for a `text_model`, which transformers 5 has no more.
    monkeypatch.setitem(sd.text_encoder.__dict__, "text_model", sd.text_encoder)
    ours = chain(ctx, parts, seed=4, steps=3, **prompts(ctx, parts, skip=skip))
    theirs = sd(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=rng(4),
        num_inference_steps=3,
        guidance_scale=7.0,
        clip_skip=skip,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


@pytest.mark.parametrize("method", ["pndm", "euler a"])
def test_a_batch_is_the_pipelines_with_a_generator_an_image(
    ctx: Context, sd: Any, parts: models.Loaded, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, config = METHODS[method]
    monkeypatch.setattr(sd, "scheduler", cls.from_config(sd.scheduler.config, **config))
    empty = latent.empty(parts.model, 32, 32, batch=3)
    ours = chain(ctx, parts, empty, seed=10, steps=3, method=method)
    theirs = sd(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=[rng(10 + i) for i in range(3)],
        num_images_per_prompt=3,
        num_inference_steps=3,
        guidance_scale=7.0,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


def test_image_i_of_a_batch_is_the_image_of_its_own_seed(
    ctx: Context, parts: models.Loaded
) -> None:
    empty = latent.empty(parts.model, 32, 32, batch=3)
    batch = chain(ctx, parts, empty, seed=10, steps=3, method="euler a").samples
    alone = chain(ctx, parts, seed=12, steps=3, method="euler a").samples
    assert torch.allclose(batch[2:], alone, atol=1e-4)


@pytest.mark.parametrize("method", ["pndm", "euler a", "heun", "dpm++ 2m karras", "lcm", "unipc"])
@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_image_to_image_is_the_pipelines(
    ctx: Context, sd: Any, parts: models.Loaded, picture: Image, method: str, strength: float
) -> None:
    cls, config = METHODS[method]
    pipe = d.StableDiffusionImg2ImgPipeline(
        **{**sd.components, "scheduler": cls.from_config(sd.scheduler.config, **config)},
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    start = vae.encode(ctx, parts.vae, picture, draw="sample", seed=6)
    ours = chain(ctx, parts, start, seed=6, steps=5, strength=strength, method=method)
    theirs = pipe(
        PROMPT,
        image=picture.pixels,
        strength=strength,
        negative_prompt=NEGATIVE,
        generator=rng(6),
        num_inference_steps=5,
        guidance_scale=7.0,
        output_type="np",
    ).images
    assert np.array_equal(vae.decode(ctx, parts.vae, ours).pixels, theirs)


def test_velocity_prediction_with_zero_terminal_snr_is_the_pipelines(
    ctx: Context, sd: Any, parts: models.Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    config |= {"timestep_spacing": "trailing"}
    monkeypatch.setattr(sd, "scheduler", d.DDIMScheduler.from_config(sd.scheduler.config, **config))
    recipe = sampling.scheduler(
        parts.scheduler, "ddim", "default", "trailing", "v_prediction", "on"
    )
    empty = latent.empty(parts.model, 32, 32)
    given = prompts(ctx, parts)
    ours = sampling.sample(ctx, parts.model, recipe, latents=empty, seed=5, steps=4, **given)
    theirs = sd(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=rng(5),
        num_inference_steps=4,
        guidance_scale=7.0,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


@pytest.mark.parametrize("method", ["euler", "dpm++ 2m", "euler a", "heun"])
def test_sdxl_text_to_image_is_the_pipelines(
    ctx: Context, sdxl: Any, parts_xl: models.Loaded, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cls, config = METHODS[method]
    monkeypatch.setattr(sdxl, "scheduler", cls.from_config(sdxl.scheduler.config, **config))
    ours = chain(ctx, parts_xl, seed=3, steps=4, guidance=5.0, method=method)
    theirs = sdxl(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=rng(3),
        num_inference_steps=4,
        guidance_scale=5.0,
        output_type="np",
        **SIZE,
    ).images
    assert np.array_equal(vae.decode(ctx, parts_xl.vae, ours).pixels, theirs)


def test_sdxl_without_a_negative_prompt_compares_with_zeros(
    ctx: Context, sdxl: Any, parts_xl: models.Loaded
) -> None:
    ours = chain(ctx, parts_xl, negative=None, seed=3, steps=3, guidance=5.0)
    theirs = sdxl(
        PROMPT,
        generator=rng(3),
        num_inference_steps=3,
        guidance_scale=5.0,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


def test_sdxl_takes_a_second_text_clip_skip_and_sizes(
    ctx: Context, sdxl: Any, parts_xl: models.Loaded
) -> None:
    positive = text.encode(ctx, parts_xl.text_encoder, PROMPT, "green bird", skip=1)
    positive = text.sizes(positive, width=64, height=48, left=3, top=2)
    negative = text.encode(ctx, parts_xl.text_encoder, NEGATIVE)
    ours = chain(ctx, parts_xl, positive=positive, negative=negative, seed=3, steps=3, guidance=5.0)
    theirs = sdxl(
        PROMPT,
        "green bird",
        negative_prompt=NEGATIVE,
        clip_skip=1,
        generator=rng(3),
        original_size=(48, 64),
        crops_coords_top_left=(2, 3),
        num_inference_steps=3,
        negative_original_size=(32, 32),
        negative_target_size=(32, 32),
        guidance_scale=5.0,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


def test_sdxl_batches_are_the_pipelines(ctx: Context, sdxl: Any, parts_xl: models.Loaded) -> None:
    empty = latent.empty(parts_xl.model, 32, 32, batch=2)
    ours = chain(ctx, parts_xl, empty, seed=7, steps=3, guidance=5.0, rescale=0.5)
    theirs = sdxl(
        PROMPT,
        negative_prompt=NEGATIVE,
        generator=[rng(7), rng(8)],
        num_images_per_prompt=2,
        num_inference_steps=3,
        guidance_scale=5.0,
        guidance_rescale=0.5,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


@pytest.mark.parametrize("method", ["euler", "heun", "dpm++ 2m", "euler a"])
def test_base_and_refiner_share_the_steps_as_the_pipelines_do(
    ctx: Context,
    sdxl: Any,
    refiner: Any,
    parts_xl: models.Loaded,
    method: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cls, config = METHODS[method]
    for pipe in (sdxl, refiner):
        monkeypatch.setattr(pipe, "scheduler", cls.from_config(pipe.scheduler.config, **config))
    second = models.load(ctx, "refiner")
    given = {"seed": 3, "steps": 6, "guidance": 5.0, "method": method}
    half = chain(ctx, parts_xl, end=0.6, **given)
    ours = chain(ctx, second, half, start=0.6, **given)
    options = {"negative_prompt": NEGATIVE, "num_inference_steps": 6, "guidance_scale": 5.0}
    base = sdxl(
        PROMPT, denoising_end=0.6, generator=rng(3), output_type="latent", **SIZE, **options
    ).images
    theirs = refiner(
        PROMPT, image=base, denoising_start=0.6, generator=rng(3), output_type="np", **options
    ).images
    assert torch.equal(half.samples, base)
    assert np.array_equal(vae.decode(ctx, second.vae, ours).pixels, theirs)


def test_the_refiner_alone_changes_a_picture_as_its_pipeline_does(
    ctx: Context, refiner: Any, picture: Image
) -> None:
    parts = models.load(ctx, "refiner")
    start = vae.encode(ctx, parts.vae, picture, draw="sample", seed=6)
    ours = chain(ctx, parts, start, seed=6, steps=5, strength=0.5, guidance=5.0)
    theirs = refiner(
        PROMPT,
        image=picture.pixels,
        strength=0.5,
        negative_prompt=NEGATIVE,
        generator=rng(6),
        num_inference_steps=5,
        guidance_scale=5.0,
        output_type="latent",
    ).images
    assert torch.equal(ours.samples, theirs)


def test_a_model_distilled_for_guidance_takes_the_scale_as_an_embedding(
    ctx: Context, home: Path
) -> None:
    tiny.save(tiny.sd_pipeline(time_cond_proj_dim=16), home / "distilled")
    pipe = _reload(d.StableDiffusionPipeline, home / "distilled")
    pipe.scheduler = d.LCMScheduler.from_config(pipe.scheduler.config)
    parts = models.load(ctx, "distilled")
    ours = chain(ctx, parts, negative=None, seed=1, steps=3, guidance=8.0, method="lcm")
    theirs = pipe(
        PROMPT,
        generator=rng(1),
        num_inference_steps=3,
        guidance_scale=8.0,
        output_type="latent",
        **SIZE,
    ).images
    assert torch.equal(ours.samples, theirs)


def test_noise_does_not_depend_on_the_global_generator(ctx: Context, parts: models.Loaded) -> None:
    torch.manual_seed(1)
    one = chain(ctx, parts, seed=3, steps=2, method="euler a").samples
    torch.manual_seed(2)
    two = chain(ctx, parts, seed=3, steps=2, method="euler a").samples
    assert torch.equal(one, two)
