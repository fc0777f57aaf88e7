"""Loading a model from one .safetensors checkpoint, in the layout of its first release.

Such a file has weights only: configurations and tokenizers come from a model of the same
architecture in diffusers' layout, by default the one that diffusers knows for it.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ...graph.errors import NodeError
from .families import Family
from .folder import (
    Loaded,
    Options,
    assemble,
    check_component,
    component_class,
    family_of,
    library_class,
    load_tokenizer,
    settle,
)
from .safe import check_weights, read_json


def default_config(header: dict[str, Any]) -> str:
    """The hub name of a model of the same architecture, told by the tensors' names and shapes."""
    from diffusers.loaders.single_file_utils import fetch_diffusers_config

    stubs = {k: SimpleNamespace(shape=tuple(v["shape"])) for k, v in header.items()}
    try:
        return fetch_diffusers_config(stubs)["pretrained_model_name_or_path"]
    except Exception:
        raise NodeError(
            "the checkpoint's architecture is not known: name one in `config`"
        ) from None


def load_checkpoint(path: Path, configs: Path, options: Options) -> Loaded:
    """Load a checkpoint with the configurations of the folder `configs`; raises NodeError."""
    from safetensors.torch import load_file

    check_weights(path)
    index = read_json(configs / "model_index.json")
    family = family_of(index, configs.name)
    state = load_file(path)
    nets: dict[str, Any] = {}
    tokens: dict[str, Any] = {}
    for component in family.classes:
        named = component_class(index, component, family)
        if named and "tokenizer" in component:
            tokens[component] = load_tokenizer(configs, component, named)
        elif named:
            check_component(configs, component)
            nets[component] = _convert(
                path, configs, component, named, dict(state), options, family
            )
    check_component(configs, "scheduler")
    config = read_json(configs / "scheduler" / "scheduler_config.json")
    return assemble(family, index, nets, tokens, config, options)


def _convert(
    path: Path,
    configs: Path,
    component: str,
    named: str,
    state: dict[str, Any],
    options: Options,
    family: Family,
) -> Any:
    """Pick a component's tensors out of a checkpoint and name them as diffusers does."""
    try:
        cls = library_class(named)
        if named.startswith("diffusers."):
            net = cls.from_single_file(
                state,
                config=str(configs),
                subfolder=component,
                torch_dtype=options.dtype,
                local_files_only=True,
            )
        else:
            from diffusers.loaders.single_file_utils import create_diffusers_clip_model_from_ldm

            net = create_diffusers_clip_model_from_ldm(
                cls,
                state,
                subfolder=component,
                config=str(configs),
                torch_dtype=options.dtype,
                local_files_only=True,
            )
    except Exception as e:
        raise NodeError(
            f"{path.name} has no {component} that fits the configuration of a {family.name} model "
            f"({type(e).__name__}: {str(e)[:200]}); name another model in `config`",
            "config",
        ) from e
    return settle(net, options.device)
