"""Loading a model from a folder in diffusers' layout: only the classes that its family expects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...graph.errors import NodeError
from ...graph.roots import inside
from . import families as adapters
from .families import Family
from .parts import Denoiser, Scheduler, TextEncoder, Vae
from .safe import CONVERT, check_weights, read_json

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


class Loaded(NamedTuple):
    """The parts of a model."""

    model: Denoiser
    text_encoder: TextEncoder
    vae: Vae
    scheduler: Scheduler


class Options(NamedTuple):
    """How to load: torch dtype, device, and which variant of the weights ("" or "fp16")."""

    dtype: Any
    device: str
    variant: str = ""


def family_of(index: Mapping[str, Any], name: str) -> Family:
    """The adapter for what model_index.json names; raises NodeError."""
    pipeline = index.get("_class_name")
    family = adapters.of_pipeline(pipeline) if isinstance(pipeline, str) else None
    if family is None:
        known = ", ".join(p for f in adapters.families() for p in f.pipelines)
        raise NodeError(
            f"{name} is for the pipeline {str(pipeline)[:100]!r}; lovebird loads here: {known}. A "
            "pipeline that comes with its own code is never run",
            "model",
        )
    return family


def component_class(index: Mapping[str, Any], component: str, family: Family) -> str | None:
    """The "library.Class" of a component, or None if the model has none; raises NodeError."""
    entry = index.get(component)
    if entry is None or entry == [None, None]:
        return None
    allowed = family.classes[component]
    named = ".".join(map(str, entry)) if isinstance(entry, list) else repr(entry)
    if named not in allowed:
        raise NodeError(
            f"model_index.json says that {component} is {named[:100]}; a {family.name} model has "
            f"{' or '.join(allowed)} there. Classes from elsewhere are never loaded",
            "model",
        )
    return named


def check_component(folder: Path, component: str) -> Path:
    """Check all JSON of a component before a library reads it; give its folder."""
    sub = inside(folder, component)
    if not sub.is_dir():
        raise NodeError(f"the model has no folder {component}/: its download may be incomplete")
    if (sub / "adapter_config.json").exists():
        raise NodeError(
            f"{component}/ holds an adapter; load the base model, and it by models.lora"
        )
    for path in sorted(sub.glob("*.json")):
        if path.name not in ("vocab.json", "tokenizer.json"):
            read_json(path)
    return sub


def check_files(sub: Path, variant: str) -> str | None:
    """Check the weights of a component; give the variant that is there (None: the plain one)."""
    names = sorted(p.name for p in sub.glob("*.safetensors"))
    plain = [n for n in names if _variant_of(n) == ""]
    chosen = [n for n in names if variant and _variant_of(n) == variant]
    found = chosen or plain
    if not found:
        pickles = [p.name for p in sub.iterdir() if p.name.endswith(PICKLES)]
        offers = sorted({_variant_of(n) for n in names} - {""})
        if offers:
            raise NodeError(f"{sub.name}/ has its weights only as {offers}: set variant", "variant")
        if pickles:
            raise NodeError(f"{sub.name}/ holds only pickles ({pickles[0]}). {CONVERT}", "model")
        raise NodeError(f"{sub.name}/ holds no .safetensors: its download may be incomplete")
    for name in found:
        check_weights(sub / name)
    for path in sub.glob("*.safetensors.index*.json"):
        _check_shards(path)
    return variant if chosen else None


def _variant_of(name: str) -> str:
    """`fp16` in `model.fp16.safetensors` and `model.fp16-00001-of-00002.safetensors`."""
    words = name.removesuffix(".safetensors").split(".")
    return words[1].split("-")[0] if len(words) > 1 else ""


def _check_shards(index: Path) -> None:
    shards = read_json(index).get("weight_map")
    for shard in set(shards.values()) if isinstance(shards, dict) else ():
        if not isinstance(shard, str) or "/" in shard or "\\" in shard:
            raise NodeError(f"{index.name} names a file elsewhere: {shard!r:.80}")
        if not (index.parent / shard).is_file():
            raise NodeError(f"{index.parent.name}/{shard} is missing: download the model again")


def load_net(folder: Path, component: str, named: str, options: Options) -> Any:
    """Load a torch module of a class that was checked, for inference only."""
    import torch

    sub = check_component(folder, component)
    variant = check_files(sub, options.variant)
    given: dict[str, Any] = {"torch_dtype": options.dtype}
    if named.startswith("transformers."):
        given = {"dtype": options.dtype, "trust_remote_code": False}
    with torch.device("cpu"):
        net = library_class(named).from_pretrained(
            str(sub), variant=variant, use_safetensors=True, local_files_only=True, **given
        )
    return settle(net, options.device)


def settle(net: Any, device: str) -> Any:
    """Make a module ready for inference: no dropout, no gradients, on its device."""
    return net.eval().requires_grad_(False).to(device)


def library_class(named: str) -> Any:
    """The class behind "diffusers.X" or "transformers.X"; the caller has checked the name."""
    import importlib

    library, _, name = named.partition(".")
    if library not in ("diffusers", "transformers"):
        raise NodeError(f"classes of {library!r} are never loaded")
    module = importlib.import_module(library)
    module.utils.logging.disable_progress_bar()  # the run's own display shows what is loading
    return getattr(module, name)


def load_tokenizer(folder: Path, component: str, named: str) -> Any:
    """Load a tokenizer, which is data alone."""
    sub = check_component(folder, component)
    return library_class(named).from_pretrained(
        str(sub), local_files_only=True, trust_remote_code=False
    )


def load_folder(folder: Path, name: str, options: Options) -> Loaded:
    """Load every part of a model; raises NodeError for what is missing, broken or not allowed."""
    index = read_json(folder / "model_index.json")
    family = family_of(index, name)
    named = {c: component_class(index, c, family) for c in family.classes}
    nets = {
        component: load_net(folder, component, cls, options)
        for component, cls in named.items()
        if cls and "tokenizer" not in component
    }
    tokens = {
        component: load_tokenizer(folder, component, cls)
        for component, cls in named.items()
        if cls and "tokenizer" in component
    }
    check_component(folder, "scheduler")
    config = read_json(folder / "scheduler" / "scheduler_config.json")
    return assemble(family, index, nets, tokens, config, options)


def assemble(
    family: Family,
    index: Mapping[str, Any],
    nets: Mapping[str, Any],
    tokenizers: Mapping[str, Any],
    scheduler: dict[str, Any],
    options: Options,
) -> Loaded:
    """Put loaded components together as parts."""
    from ..diffusion.schedulers import known

    for needed in (family.denoiser, "vae"):
        if needed not in nets:
            raise NodeError(
                f"the model has no {needed}, which a {family.name} model needs", "model"
            )
    if scheduler.get("_class_name") not in known(family.schedulers):
        raise NodeError(
            f"the scheduler {str(scheduler.get('_class_name'))[:80]!r} is none of diffusers' for "
            f"{family.name} models",
            "model",
        )
    net, vae = nets[family.denoiser], as_vae(family, nets["vae"], options)
    text_space = family.text_space(net.config.cross_attention_dim)
    pairs = [(e, t) for e, t in family.encoders if e in nets and t in tokenizers]
    encoder = TextEncoder(
        family,
        tuple(nets[e] for e, _ in pairs),
        tuple(tokenizers[t] for _, t in pairs),
        text_space,
        options.device,
    )
    denoiser = Denoiser(
        family, net, vae.space, text_space, vae.channels, vae.factor,
        family.native(net.config, vae.factor), _pipeline_options(index), options.device,
    )  # fmt: skip
    return Loaded(denoiser, encoder, vae, Scheduler(scheduler, dict(family.scheduler_fixes)))


def _pipeline_options(index: Mapping[str, Any]) -> dict[str, Any]:
    """The plain settings of model_index.json: numbers, flags and words, no components."""
    plain = (bool, int, float, str)
    return {k: v for k, v in index.items() if not k.startswith("_") and isinstance(v, plain)}


def as_vae(family: Family, net: Any, options: Options) -> Vae:
    """Wrap an autoencoder; its weights go to float32 if float16 is known to overflow in it."""
    import torch

    config = net.config
    blocks = config.get("block_out_channels") or config.get("encoder_block_out_channels")
    factor = 2 ** (len(blocks) - 1)
    if options.dtype == torch.float16 and config.get("force_upcast"):
        net = net.to(torch.float32)
    channels = config.latent_channels
    return Vae(net, family.space(channels, factor), channels, factor, options.dtype, options.device)
