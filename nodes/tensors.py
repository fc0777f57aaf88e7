"""torch's tensors for the engine, which knows no torch: stored as numpy, watched for changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.pack import ArrayKind
from ..plugins import hookimpl

_RAW = {"bfloat16": "int16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}
"""Types that numpy lacks, and those that carry their bits."""


def _matches(value: Any) -> bool:
    """Whether a value is a tensor; torch is not imported to find out."""
    return any(k.__module__ == "torch" and k.__name__ == "Tensor" for k in type(value).__mro__)


def _pack(tensor: Any) -> tuple[np.ndarray, str]:
    """Give a tensor's values and its dtype; where it lived is not kept."""
    name = str(tensor.dtype).removeprefix("torch.")
    tensor = tensor.detach().cpu().contiguous()
    if name in _RAW:
        import torch

        tensor = tensor.view(getattr(torch, _RAW[name]))
    return tensor.numpy(), name


def _unpack(array: np.ndarray, name: str) -> Any:
    """Make the tensor again, on the CPU: nodes move what they need to their device."""
    import torch

    tensor = torch.from_numpy(array)
    return tensor.view(getattr(torch, name)) if name in _RAW else tensor


def _stamp(tensor: Any) -> int:
    """Count in-place changes; tensors made in inference mode are not counted by torch."""
    return 0 if tensor.is_inference() else tensor._version


TORCH = ArrayKind("torch", _matches, _pack, _unpack, stamp=_stamp)


@hookimpl
def register_arrays() -> list[ArrayKind]:
    """Offer torch's tensors."""
    return [TORCH]
