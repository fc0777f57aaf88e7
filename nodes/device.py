"""Preparing threads for torch."""

from __future__ import annotations

from ..plugins import hookimpl


@hookimpl
def lane_started(lane: str) -> None:
    """Turn gradients off in the GPU's thread; torch keeps that setting for each thread.

    Not inference mode: its tensors don't count in-place changes, which the engine looks for.
    """
    if lane == "gpu":
        import torch

        torch.set_grad_enabled(False)
