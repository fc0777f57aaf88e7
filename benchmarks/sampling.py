"""Our graph against the same diffusers pipeline: interleaved, same pixels, same machine.

    python benchmarks/sampling.py [--model FOLDER] [--device cuda] [--steps 20] [--size 512]
                                  [--rounds 5] [--threads 1] [--json]

Without --model a small random U-Net is made. Prints the seconds of each side, their ratio, whether
the pixels are equal, what a rerun costs when only the seed, the prompt or the output name is
changed, and the peak memory. Times of reruns include planning, decoding and saving.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PROMPT = "a happy lovebird in pixar style"


def make_model(folder: Path) -> Path:
    """A random model of a size that takes a CPU some milliseconds a step."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    import tiny_models as tiny  # pyright: ignore[reportMissingImports]

    blocks = {"block_out_channels": (64, 128), "layers_per_block": 2}
    return tiny.save(tiny.sd_pipeline(**blocks), folder / "bench")


def timed(call: Callable[[], Any], device: str) -> tuple[float, Any]:
    import torch

    if device.startswith("cuda"):
        torch.cuda.synchronize()
    begun = time.perf_counter()
    result = call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - begun, result


def graph(model: str, size: int, steps: int) -> Any:
    from lovebird.graph.workflow import Workflow
    from lovebird.nodes import files, latent, models, sampling, text, vae

    with Workflow("benchmark") as flow:
        m: Any = flow.add(models.load, "model", model=model, dtype="float32")
        words = flow.add(text.encode, "prompt", encoder=m.text_encoder, text=PROMPT)
        none = flow.add(text.encode, "negative", encoder=m.text_encoder)
        empty = flow.add(latent.empty, "empty", model=m.model, width=size, height=size)
        flow.add(
            sampling.sample, "sample", model=m.model, scheduler=m.scheduler, positive=words,
            negative=none, latents=empty, steps=steps,
        )  # fmt: skip
        flow.add(vae.decode, "decode", vae=m.vae, latents={"from": "sample"})
        flow.add(files.save, "save", image={"from": "decode"}, prefix="bench")
    return flow


def compare(engine: Any, flow: Any, pipe: Any, args: argparse.Namespace) -> dict[str, Any]:
    """Interleave both; each round has its own seed, so that nothing is cached."""
    import torch

    ours, theirs, equal = [], [], True
    for seed in range(args.rounds + 1):
        flow.set("sample.seed", seed)
        rng = torch.Generator().manual_seed(seed)

        def graph_run() -> Any:
            return engine.run(flow, ["decode"])["decode"].pixels

        def pipe_run(rng: Any = rng) -> Any:
            return pipe(
                PROMPT, negative_prompt="", num_inference_steps=args.steps, guidance_scale=7.0,
                width=args.size, height=args.size, generator=rng, output_type="np",
            ).images  # fmt: skip

        order = [(ours, graph_run), (theirs, pipe_run)]
        pictures = []
        for times, run in order if seed % 2 else order[::-1]:
            seconds, picture = timed(run, args.device)
            pictures.append(picture)
            if seed:  # the first round warms both up
                times.append(seconds)
        equal &= bool(np.array_equal(*pictures))
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "graph_s": statistics.median(ours),
        "pipeline_s": statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "ratios": [round(r, 3) for r in ratios],
        "same_pixels": equal,
    }


def reruns(engine: Any, flow: Any, args: argparse.Namespace) -> dict[str, float]:
    changes = {
        "nothing changed": ("sample.seed", 1000),
        "only the seed": ("sample.seed", 1001),
        "only the prompt": ("prompt.text", "a sad cat"),
        "only the output name": ("save.prefix", "other/bench"),
    }
    flow.set("sample.seed", 1000)
    engine.run(flow)
    found = {}
    for name, (address, value) in changes.items():
        flow.set(address, value)
        found[name] = timed(lambda: engine.run(flow), args.device)[0]
    return found


def peak(device: str) -> int:
    import torch

    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    import torch
    from diffusers import StableDiffusionPipeline

    from lovebird.graph.roots import Roots
    from lovebird.plugins.session import open_engine

    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        folder = args.model or make_model(home)
        roots = Roots((home,), home / "out", (folder.parent,))
        engine = open_engine(roots=roots, disk=False, device=args.device)
        flow = graph(folder.name, args.size, args.steps)
        parts = engine.run(flow, ["model"])
        # The same modules on both sides: two copies of the weights differ by several per cent in
        # speed, by where in memory they happen to lie.
        pipe = StableDiffusionPipeline.from_pretrained(
            folder, safety_checker=None, unet=parts["model.model"].net, vae=parts["model.vae"].net,
            text_encoder=parts["model.text_encoder"].nets[0],
        )  # fmt: skip
        pipe.set_progress_bar_config(disable=True)
        result = compare(engine, flow, pipe, args)
        result["reruns_s"] = reruns(engine, flow, args)
        result["peak_bytes"] = peak(args.device)
        engine.close()
    if args.json:
        print(json.dumps(result, indent=2))
        return
    print(f"graph     {result['graph_s']:.3f} s\npipeline  {result['pipeline_s']:.3f} s")
    print(f"ratio     {result['ratio']:.3f} (median of {args.rounds}: {result['ratios']})")
    print(f"pixels    {'the same' if result['same_pixels'] else 'DIFFERENT'}")
    for name, seconds in result["reruns_s"].items():
        print(f"rerun     {seconds:8.4f} s  {name}")
    print(f"peak      {result['peak_bytes'] / 2**20:.0f} MiB, both sides together")


if __name__ == "__main__":
    main()
