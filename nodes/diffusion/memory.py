"""What to do when the device has no memory left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ...graph.context import Context
from ...graph.errors import NodeError

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the host, has no memory left."""
    name = type(error).__name__
    text = str(error).lower()
    return name in ("OutOfMemoryError", "MemoryError") or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate" in text)
    )


def free() -> None:
    """Return unused memory to the device."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def thrifty(ctx: Context, what: str, ways: Sequence[tuple[str, Callable[[], T]]]) -> T:
    """Try `ways` in turn while memory runs out; raise NodeError that says what was tried.

    Each way is its name and a function; the first one is tried twice, the second time with the
    caches freed.
    """
    tried = []
    for name, way in [ways[0], (f"{ways[0][0]} with caches freed", ways[0][1]), *ways[1:]]:
        reason = ""
        try:
            return way()
        except Exception as e:
            if not is_out_of_memory(e):
                raise
            reason = str(e).partition("\n")[0][:200]
        tried.append(name)  # outside `except`, so that the traceback holds no tensors any more
        ctx.log(f"{what}: no memory left ({name}): {reason}")
        free()
    raise NodeError(
        f"{what} ran out of memory on {ctx.device}. Tried: {'; '.join(tried)}. Make the picture "
        "smaller, the batch smaller, or load the model in float16 or bfloat16"
    )


def check_finite(tensor: object, what: str, remedy: str) -> None:
    """Raise NodeError if a tensor has NaN or infinity: they would become a black picture."""
    import torch

    assert isinstance(tensor, torch.Tensor)
    if not bool(torch.isfinite(tensor).all()):
        bad = (~torch.isfinite(tensor)).float().mean().item()
        raise NodeError(f"{what} gave numbers that are not finite ({bad:.1%}): {remedy}")
