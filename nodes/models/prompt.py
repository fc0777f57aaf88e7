"""From words to states of a text encoder, with weights where the text asks for them."""

from __future__ import annotations

from typing import Any

from ...graph.context import Context
from ...graph.types import Tensor
from .parts import TextEncoder

MARKS = frozenset("()+-\"'")
"""Characters without which a text can't have compel's syntax."""


def encode_one(
    ctx: Context, encoder: TextEncoder, index: int, text: str, weighted: bool, skip: int
) -> tuple[Tensor, Tensor | None]:
    """Encode a text with encoder `index`: states (1, tokens, width) and pooled (1, width) or None.

    A text without weights is encoded exactly as diffusers' pipelines do.
    """
    parsed = parse(text) if weighted and MARKS & set(text) else None
    if parsed is None:
        return plain(ctx, encoder, index, text, skip)
    states = _with_weights(encoder, index, parsed, skip)
    words = " ".join(f.text for p in parsed.prompts for f in _fragments(p))
    _, pooled = plain(ctx, encoder, index, words, skip)
    return states, pooled


def plain(
    ctx: Context, encoder: TextEncoder, index: int, text: str, skip: int
) -> tuple[Tensor, Tensor | None]:
    """Encode text as it stands; what doesn't fit is cut off, and said so."""
    net, tokenizer = encoder.nets[index], encoder.tokenizers[index]
    length = tokenizer.model_max_length
    tokens = tokenizer(
        [text], padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    )
    full = tokenizer([text], truncation=False, verbose=False).input_ids[0]
    if len(full) > length:
        lost = tokenizer.decode(full[length - 1 : -1])
        ctx.log(f"the prompt is longer than {length - 2} tokens; this part was cut off: {lost}")
    mask = None
    if getattr(net.config, "use_attention_mask", False):
        mask = tokens.attention_mask.to(net.device)
    return encoder.family.hidden(encoder, index, tokens.input_ids.to(net.device), mask, skip)


def parse(text: str) -> Any:
    """The text as compel reads it, or None if it has no weights (or isn't compel's syntax)."""
    from compel import Compel

    try:
        parsed = Compel.parse_prompt_string(text)
    except Exception:  # a smiley is no syntax error: then it is text
        return None
    fragments = [f for p in parsed.prompts for f in _fragments(p)]
    simple = len(parsed.prompts) == 1 and not hasattr(parsed.prompts[0], "prompts")
    if simple and all(getattr(f, "weight", 0.0) == 1.0 for f in fragments):
        return None
    return parsed


def _fragments(prompt: Any) -> list[Any]:
    """The pieces of a prompt that have a text and a weight, through blends."""
    nested = getattr(prompt, "prompts", None)
    if nested is not None:
        return [f for p in nested for f in _fragments(p)]
    return [f for f in prompt.children if hasattr(f, "text")]


def _with_weights(encoder: TextEncoder, index: int, parsed: Any, skip: int) -> Tensor:
    """Weighted states by compel, with our family's choice of layer."""
    from compel import Compel
    from compel.embeddings_provider import EmbeddingsProvider

    class Provider(EmbeddingsProvider):
        def _encode_token_ids_to_embeddings(
            self, token_ids: Tensor, attention_mask: Tensor | None = None
        ) -> Tensor:
            return encoder.family.hidden(encoder, index, token_ids, attention_mask, skip)[0]

    net, tokenizer = encoder.nets[index], encoder.tokenizers[index]
    compel: Any = Compel(tokenizer=tokenizer, text_encoder=net)
    compel.conditioning_provider = Provider(
        tokenizer=tokenizer,
        text_encoder=net,
        truncate=True,
        dtype_for_device_getter=lambda _: net.dtype,
    )
    return compel.build_conditioning_tensor_for_conjunction(parsed)[0]
