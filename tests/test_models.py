"""Models are found by name, opened safely, and refused with words that help."""

import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

import tiny_models as tiny  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from lovebird.graph.context import Context  # noqa: E402
from lovebird.graph.errors import NodeError  # noqa: E402
from lovebird.graph.roots import Roots  # noqa: E402
from lovebird.nodes import latent, models, sampling, text, vae  # noqa: E402
from lovebird.nodes.models import hub, safe, source  # noqa: E402
from lovebird.nodes.models.folder import check_files  # noqa: E402
from lovebird.nodes.models.identity import identity  # noqa: E402


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tiny.sd_pipeline(), tmp_path_factory.mktemp("m") / "sd")


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(roots=Roots((tmp_path,), tmp_path / "out", (tmp_path / "models",)))


@pytest.fixture
def model(saved: Path, tmp_path: Path) -> Path:
    """A copy of the model that a test may spoil."""
    return Path(shutil.copytree(saved, tmp_path / "models" / "sd"))


class Bomb:
    """Unpickling it makes the canary file."""

    def __init__(self, canary: Path):
        self.canary = canary

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.canary),)


def pickled(path: Path, canary: Path, protocol: int) -> None:
    path.write_bytes(pickle.dumps(Bomb(canary), protocol))


def zipped(path: Path, canary: Path, protocol: int) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb(canary), protocol))


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pt", ".bin", ".pth", ""])
@pytest.mark.parametrize("write", [pickled, zipped])
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_pickle_is_refused_under_any_suffix(
    ctx: Context, tmp_path: Path, suffix: str, write: Callable[..., None], protocol: int
) -> None:
    canary = tmp_path / "canary"
    path = tmp_path / "models" / f"evil{suffix}"
    path.parent.mkdir()
    write(path, canary, protocol)
    with pytest.raises(NodeError, match=r"pickle|no safetensors"):
        models.load(ctx, path.name)
    assert not canary.exists()


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_inside_a_model_folder_is_refused(
    ctx: Context, model: Path, tmp_path: Path, protocol: int
) -> None:
    canary = tmp_path / "canary"
    pickled(model / "unet/diffusion_pytorch_model.safetensors", canary, protocol)
    with pytest.raises(NodeError, match=r"pickle|no safetensors"):
        models.load(ctx, "sd")
    assert not canary.exists()


def test_a_folder_with_pickles_alone_is_refused(ctx: Context, model: Path, tmp_path: Path) -> None:
    (model / "unet/diffusion_pytorch_model.safetensors").unlink()
    pickled(model / "unet/diffusion_pytorch_model.bin", tmp_path / "canary", 4)
    with pytest.raises(NodeError, match="only pickles"):
        models.load(ctx, "sd")
    assert not (tmp_path / "canary").exists()


def weights(path: Path) -> bytes:
    save_file({"a": torch.zeros(4, 4), "b": torch.ones(3)}, path)
    return path.read_bytes()


@pytest.mark.parametrize("keep", [0, 5, 12, 60, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(weights(path)[:keep])
    with pytest.raises(NodeError, match=r"cut short|no safetensors"):
        safe.check_weights(path)


LIES = {
    "beyond the file": ({"data_offsets": [0, 64]}, "overlap|cut short|lies|doesn't know"),
    "shape": ({"shape": [4, 5]}, "lies"),
    "dtype": ({"dtype": "F99"}, "lies"),
    "backwards": ({"data_offsets": [64, 0]}, "lies"),
    "negative": ({"shape": [-4, 4]}, "lies"),
    "text": ({"shape": "4"}, "lies"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(tmp_path: Path, lie: str) -> None:
    change, said = LIES[lie]
    path = tmp_path / "w.safetensors"
    data = weights(path)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["b" if lie == "beyond the file" else "a"] |= change
    head = json.dumps(header).encode()
    path.write_bytes(len(head).to_bytes(8, "little") + head + data[8 + size :])
    with pytest.raises(NodeError, match=said):
        safe.check_weights(path)


def test_a_whole_file_gives_its_header(tmp_path: Path) -> None:
    weights(tmp_path / "w.safetensors")
    assert set(safe.check_weights(tmp_path / "w.safetensors")) == {"a", "b"}


REMOTE = [
    ("unet/config.json", {"auto_map": {"AutoModel": "evil.Net"}}),
    ("text_encoder/config.json", {"nested": {"trust_remote_code": True}}),
    ("text_encoder/config.json", {"_attn_implementation": "someone/kernels"}),
    ("vae/config.json", {"quantization_config": {"quant_method": "evil"}}),
    ("tokenizer/tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["evil.T", None]}}),
    ("model_index.json", {"custom_pipeline": "someone/evil"}),
    ("model_index.json", {"_class_name": "EvilPipeline"}),
    ("model_index.json", {"_class_name": ["evil", "EvilPipeline"]}),
    ("model_index.json", {"unet": ["evil", "UNet2DConditionModel"]}),
    ("model_index.json", {"unet": ["diffusers", "FluxTransformer2DModel"]}),
    ("scheduler/scheduler_config.json", {"_class_name": "EvilScheduler"}),
]


@pytest.mark.parametrize(("file", "change"), REMOTE)
def test_no_code_that_comes_with_a_model_runs(
    ctx: Context, model: Path, tmp_path: Path, file: str, change: dict[str, Any]
) -> None:
    canary = tmp_path / "canary"
    for folder in (model, model / "unet", model / "text_encoder"):
        (folder / "evil.py").write_text(f"import os; os.mkdir({str(canary)!r})")
    tiny.edit_json(model / file, **change)
    with pytest.raises(NodeError):
        models.load(ctx, "sd")
    assert not canary.exists()


def test_a_name_is_corrected_and_known_ones_are_listed(ctx: Context, model: Path) -> None:
    assert "sd" in [m.name for m in source.listed(ctx.roots)]
    (model.parent / "painter").mkdir()
    shutil.copy(model / "model_index.json", model.parent / "painter")
    with pytest.raises(NodeError, match="did you mean 'painter'"):
        models.load(ctx, "paintr")


@pytest.mark.parametrize("name", ["../sd", "a/../../sd", "/etc/passwd", "..\\sd"])
def test_no_name_leads_out_of_the_models(ctx: Context, name: str) -> None:
    with pytest.raises(NodeError):
        models.load(ctx, name)


def test_a_model_is_known_by_what_it_holds(ctx: Context, model: Path) -> None:
    found = source.get("sd", ctx.roots)
    before = identity(found)
    assert identity(found) == before and str(model) not in before
    tiny.edit_json(model / "scheduler/scheduler_config.json", num_train_timesteps=999)
    assert identity(found) != before


def test_the_variant_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    folder = tmp_path / "unet"
    folder.mkdir()
    weights(folder / "model.fp16.safetensors")
    with pytest.raises(NodeError, match="set variant"):
        check_files(folder, "")
    assert check_files(folder, "fp16") == "fp16"
    weights(folder / "model.safetensors")
    assert check_files(folder, "") is None


def test_only_data_is_fetched_from_the_hub() -> None:
    files = [
        "model_index.json", "pipeline.py", "unet/config.json", "unet/evil.py", "big.safetensors",
        "unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
        "unet/diffusion_pytorch_model.bin", "safety_checker/model.safetensors", "vae/x.ckpt",
    ]  # fmt: skip
    plain = ["model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors"]
    assert hub.wanted(files) == plain
    assert hub.wanted(files, "fp16")[2].endswith(".fp16.safetensors")
    assert hub.wanted(files, configs_only=True) == plain[:2]


def test_without_a_network_the_error_names_the_remedy(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: Any) -> Any:
        raise ConnectionError

    monkeypatch.setattr(hub.Hub, "_files", unreachable)
    with pytest.raises(NodeError, match="lovebird models pull someone/model"):
        models.load(ctx, "someone/model")


def test_a_hub_model_is_pinned_to_a_commit(
    ctx: Context, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = "a" * 40
    asked: list[str] = []

    def fetch(self: hub.Hub, repo: str, revision: str, *_: Any) -> Path:
        asked.append(revision)
        folder = tmp_path / "hub/models--someone--model/snapshots" / revision
        return Path(shutil.copytree(saved, folder))

    monkeypatch.setattr(hub.Hub, "_files", lambda *_: (commit, ["model_index.json"]))
    monkeypatch.setattr(hub.Hub, "_fetch", fetch)
    first = source.get("someone/model", ctx.roots)
    assert asked == [commit] and identity(first) == f"commit:{commit}"
    monkeypatch.setattr(hub.Hub, "_files", lambda *_: ("b" * 40, ["model_index.json"]))
    assert source.get("someone/model", ctx.roots).revision == commit
    assert "someone/model" in [m.name for m in source.listed(ctx.roots)]


def test_conditioning_and_latents_of_other_models_are_refused_before_any_arithmetic(
    ctx: Context, model: Path
) -> None:
    from dataclasses import replace

    parts = models.load(ctx, "sd")
    empty, words = latent.empty(parts.model), text.encode(ctx, parts.text_encoder, "a bird")
    with pytest.raises(NodeError, match="latents of 'flux' came"):
        sampling.sample(ctx, parts.model, parts.scheduler, words, replace(empty, space="flux"))
    with pytest.raises(NodeError, match="conditioning of 'sd-1024' came"):
        sampling.sample(ctx, parts.model, parts.scheduler, replace(words, space="sd-1024"), empty)
    with pytest.raises(NodeError, match="nothing came to `negative`"):
        sampling.sample(ctx, parts.model, parts.scheduler, words, empty)
    with pytest.raises(NodeError, match="multiple of 2"):
        latent.empty(parts.model, width=33)


def test_weights_in_a_prompt_change_it_and_plain_text_is_untouched(
    ctx: Context, model: Path
) -> None:
    encoder = models.load(ctx, "sd").text_encoder
    plain = text.encode(ctx, encoder, "a happy bird").embeds
    assert torch.equal(plain, text.encode(ctx, encoder, "a happy bird", weights="off").embeds)
    more = text.encode(ctx, encoder, "a (happy)1.5 bird").embeds
    assert more.shape == plain.shape and not torch.allclose(more, plain)
    smiley = text.encode(ctx, encoder, "a bird :) ((").embeds
    assert torch.isfinite(smiley).all()


def test_a_lora_changes_a_copy_and_leaves_the_model_alone(ctx: Context, model: Path) -> None:
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(model)
    pipe.set_progress_bar_config(disable=True)
    write_lora(pipe, model.parent / "loras")
    parts = models.load(ctx, "sd")
    words, empty = text.encode(ctx, parts.text_encoder, "a bird"), latent.empty(parts.model)

    def draw(denoiser: Any) -> Any:
        return sampling.sample(
            ctx, denoiser, parts.scheduler, words, empty, steps=2, guidance=1.0
        ).samples

    before = draw(parts.model)
    with_lora = models.lora(ctx, parts.model, parts.text_encoder, "style", 0.7)
    changed = draw(with_lora.model)
    assert torch.equal(draw(parts.model), before) and not torch.equal(changed, before)
    one, two = parts.model.net.conv_in.weight, with_lora.model.net.conv_in.weight
    assert one.data_ptr() == two.data_ptr()
    pipe.load_lora_weights(
        model.parent / "loras", weight_name="style.safetensors", adapter_name="x"
    )
    pipe.set_adapters(["x"], [0.7])
    theirs = pipe("a bird", num_inference_steps=2, guidance_scale=1.0, output_type="latent",
                  generator=torch.Generator().manual_seed(0)).images  # fmt: skip
    assert torch.equal(changed, theirs)


def write_lora(pipe: Any, folder: Path) -> None:
    state = {}
    rng = torch.Generator().manual_seed(9)
    for name, module in pipe.unet.named_modules():
        if name.endswith(("to_q", "to_v")):
            rows, columns = module.weight.shape
            state[f"unet.{name}.lora_A.weight"] = torch.randn(4, columns, generator=rng)
            state[f"unet.{name}.lora_B.weight"] = torch.randn(rows, 4, generator=rng)
    folder.mkdir()
    save_file(state, folder / "style.safetensors")


def test_a_lora_that_is_none_is_refused(ctx: Context, model: Path) -> None:
    parts = models.load(ctx, "sd")
    (model.parent / "loras").mkdir()
    weights(model.parent / "loras/none.safetensors")
    with pytest.raises(NodeError, match="no LoRA"):
        models.lora(ctx, parts.model, parts.text_encoder, "none")


def test_a_picture_of_nan_is_an_error_that_names_the_remedy(ctx: Context, model: Path) -> None:
    weights_file = model / "vae/diffusion_pytorch_model.safetensors"
    state = load_file(weights_file)
    state["decoder.conv_out.bias"] = torch.full_like(state["decoder.conv_out.bias"], float("nan"))
    save_file(state, weights_file, {"format": "pt"})
    parts = models.load(ctx, "sd")
    with pytest.raises(NodeError, match=r"decoding gave numbers that are not finite.*float32"):
        vae.decode(ctx, parts.vae, latent.empty(parts.model))


def test_tiles_and_small_batches_give_the_picture_nearly_the_same(
    ctx: Context, model: Path
) -> None:
    parts = models.load(ctx, "sd")
    noise = latent.empty(parts.model, 64, 64, batch=2)
    whole = vae.decode(ctx, parts.vae, noise).pixels
    tiles = vae.decode(ctx, parts.vae, noise, tile=32, batch=1).pixels
    assert tiles.shape == whole.shape and np.abs(tiles - whole).mean() < 0.1
    assert not parts.vae.net.use_tiling


def test_out_of_memory_falls_back_and_then_says_what_was_tried(
    ctx: Context, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = models.load(ctx, "sd")
    real, sizes = type(parts.vae.net).decode, []

    def decode(self: Any, z: Any, **given: Any) -> Any:
        sizes.append(len(z))
        if len(z) > 1:
            raise torch.OutOfMemoryError("out of memory")
        return real(self, z, **given)

    monkeypatch.setattr(type(parts.vae.net), "decode", decode)
    batch = latent.empty(parts.model, batch=3)
    assert vae.decode(ctx, parts.vae, batch).pixels.shape[0] == 3
    assert sizes == [3, 3, 1, 1, 1]
    monkeypatch.setattr(type(parts.vae.net), "decode", lambda *_, **__: decode(None, [1, 1]))
    with pytest.raises(NodeError, match=r"Tried: as set; .*one picture at a time; in tiles of 512"):
        vae.decode(ctx, parts.vae, batch)
