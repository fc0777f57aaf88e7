"""Classifier-free guidance."""

from __future__ import annotations

from ...graph.types import Tensor


def guide(pair: Tensor, scale: float, rescale: float = 0.0) -> Tensor:
    """Move from the prediction without the prompt past the one with it.

    `pair` is (2n, ...): first without, then with the prompt. Ho and Salimans, Classifier-Free
    Diffusion Guidance, https://arxiv.org/abs/2207.12598. `rescale`, 0 to 1, brings the contrast
    back to that of the prediction with the prompt: Lin et al., Common Diffusion Noise Schedules
    and Sample Steps Are Flawed, section 3.4, https://arxiv.org/abs/2305.08891.
    """
    without, prompted = pair.chunk(2)
    guided = without + scale * (prompted - without)
    if rescale > 0:
        axes = list(range(1, prompted.ndim))
        ratio = prompted.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True)
        guided = rescale * (guided * ratio) + (1 - rescale) * guided
    return guided
