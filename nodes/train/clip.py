"""Train a small CLIP (Radford et al. 2021) and its tokenizer.

Its text tower is what the diffusion model listens to; the whole model compares pictures and words.
It learns from the composed pictures and from every drawing with its label and search words, so it
knows more than the names that the diffusion model can draw.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .data import Dataset, on, tensor
from .loop import Draw, Plan, Report, Run, fit

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import CLIPModel, CLIPTokenizer

#: Tokens of a prompt: longer ones are cut. The encoder has 77 positions, as pipelines expect.
LENGTH = 32
_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def bytes_bpe(texts: list[str], size: int) -> dict[str, Any]:
    """Learn CLIP's byte pair encoding on `texts`: {"vocab": ..., "merges": ...}."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

    learner = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    split = pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True)
    bytelevel = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.pre_tokenizer = pre_tokenizers.Sequence([split, bytelevel])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        end_of_word_suffix="</w>",
        initial_alphabet=alphabet,
        min_frequency=2,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    model = json.loads(learner.to_str())["model"]
    for letter in alphabet:  # CLIP's vocabulary also has every byte as the end of a word
        model["vocab"].setdefault(letter + "</w>", len(model["vocab"]))
    return model


def tokenizer(texts: list[str], size: int = 4096) -> CLIPTokenizer:
    """A CLIP tokenizer for the words of `texts`."""
    from transformers import CLIPTokenizer

    model = bytes_bpe(texts, size)
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
    return CLIPTokenizer(vocab=model["vocab"], merges=merges, model_max_length=LENGTH)


def new(words: CLIPTokenizer, width: int = 128, layers: int = 4, seed: int = 0) -> CLIPModel:
    """An untrained CLIP for 64 px pictures in patches of 8."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    tower = {"hidden_size": width, "intermediate_size": 4 * width, "projection_dim": 128}
    text = tower | {
        "vocab_size": len(words),
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "max_position_embeddings": 77,
        "bos_token_id": words.bos_token_id,
        "eos_token_id": words.eos_token_id,
        "pad_token_id": words.eos_token_id,
    }
    vision = tower | {
        "num_hidden_layers": layers - 1,
        "num_attention_heads": 4,
        "image_size": 64,
        "patch_size": 8,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=128))


class Texts:
    """Captions of a dataset as token ids."""

    def __init__(self, data: Dataset, words: CLIPTokenizer):
        self.data, self.words = data, words

    @cached_property
    def pictures(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(ids (n, LENGTH) of every caption, offsets (pictures + 1) into them)."""
        lists = self.data.rows["captions"]
        ids = self.encode([caption for captions in lists for caption in captions])
        return ids, np.cumsum([0] + [len(captions) for captions in lists])

    def encode(self, texts: list[str]) -> NDArray[np.int64]:
        """Token ids, (n, LENGTH), padded."""
        rows = self.words(texts, padding="max_length", truncation=True, max_length=LENGTH).input_ids
        return np.asarray(rows, np.int64)

    def of_pictures(self, rows: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
        """A random caption of each picture."""
        ids, offsets = self.pictures
        return ids[rng.integers(offsets[rows], offsets[rows + 1])]

    @cached_property
    def drawings(self) -> list[NDArray[np.int64]]:
        """Ids of what each drawing may be called: its label, styled or not, and search words."""
        texts = [art_captions(*row[:2], row[3]) for row in self.data.art_rows]
        flat = self.encode([text for row in texts for text in row])
        return np.split(flat, np.cumsum([len(row) for row in texts])[:-1])


def art_captions(label: str, style: str, tags: list[str]) -> list[str]:
    """What a drawing may be called."""
    name = label.lower()
    said = {"3d": "3d style", "glossy": "3d style", "flat": "flat style", "noto": "noto style"}[
        style
    ]
    words = ", ".join(tags[:4])
    return [name, f"{name} in {said}", f"{name}, {words}" if words else name]


def corpus(data: Dataset) -> list[str]:
    """Every text of a dataset, to learn the tokenizer from."""
    texts = [caption for captions in data.rows["captions"] for caption in captions]
    return texts + [text for row in data.art_rows for text in art_captions(*row[:2], row[3])]


def batch(
    data: Dataset, texts: Texts, count: int, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(pixels (count, 3, 64, 64), ids (count, LENGTH)): two thirds pictures, one third drawings."""
    import torch

    third = count // 3
    rows = np.sort(rng.choice(len(data.pictures) - data.held_out, count - third, False))
    rows += data.held_out
    art = rng.choice(data.art_split[0], third, False)
    ground = np.where(rng.random((third, 1)) < 0.6, 255, rng.integers(0, 256, (third, 3)))
    drawn = on(data.art[art], ground[:, None, None])
    ids = [texts.drawings[i][rng.integers(len(texts.drawings[i]))] for i in art]
    pixels = tensor(np.concatenate([data.pictures[rows].astype(np.float32), drawn]))
    words = np.concatenate([texts.of_pictures(rows, rng), np.stack(ids)])
    return pixels, torch.from_numpy(words)


def similarity(model: CLIPModel, pixels: Tensor, ids: Tensor) -> Tensor:
    """Scaled cosine similarity of pictures (rows) and texts (columns).

    Padding is the end token here, and only the first one is read: what follows can't be seen by
    it (the mask is causal), so batches are cut to the longest text.
    """
    end = model.config.text_config.eos_token_id
    length = int((ids == end).int().argmax(1).max()) + 1
    return model(input_ids=ids[:, :length], pixel_values=pixels).logits_per_image.float()


def train(
    data: Dataset, folder: Path, plan: Plan, report: Report, words: CLIPTokenizer, count: int = 64
) -> CLIPModel:
    """Train from the last checkpoint in `folder`; returns the model with averaged weights."""
    import torch
    from torch.nn.functional import cross_entropy

    model, texts = new(words, seed=plan.seed), Texts(data, words)
    labels = torch.arange(count)

    def loss(step: int, draw: Draw) -> Tensor:
        pixels, ids = batch(data, texts, count, draw.numpy)
        with torch.no_grad():
            model.logit_scale.clamp_(0, 4.6)
        with torch.autocast("cpu", torch.bfloat16):
            scores = similarity(model, pixels, ids)
        return (cross_entropy(scores, labels) + cross_entropy(scores.T, labels)) / 2

    run = Run({"clip": model}, plan, folder)
    fit(run, loss, report)
    return model


def measure(
    model: CLIPModel, data: Dataset, words: CLIPTokenizer, count: int = 256
) -> dict[str, float]:
    """Retrieval among held-out pictures: how often their caption is first, or in the first five."""
    import torch

    count = min(count, data.held_out)
    ids = Texts(data, words).encode([row[0] for row in data.rows["captions"][:count]])
    with torch.no_grad():
        scores = similarity(model, tensor(data.pictures[:count]), torch.from_numpy(ids))
    # Two pictures may have the same caption: then both are right.
    same = torch.from_numpy((ids[:, None] == ids[None]).all(-1))
    ranked = same.gather(1, scores.topk(5).indices)
    return {"top1": float(ranked[:, 0].float().mean()), "top5": float(ranked.any(1).float().mean())}
