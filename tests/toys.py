"""A plugin of quick nodes for tests of the plugin manager, the command line and the docs."""

import os
import signal
import time
from pathlib import Path
from typing import Annotated, Literal

from lovebird import Context, NodeError, hookimpl, node
from lovebird.graph.widgets import Lines, Seed, Slider


@node(id="toys.say")
def say(
    text: Annotated[str, Lines(2)],
    times: Annotated[int, Slider(1, 9)] = 1,
    style: Literal["plain", "loud"] = "plain",
    seed: Annotated[int, Seed()] = 0,
) -> str:
    """Say.

    Repeat a text.
    """
    text = " ".join([text] * times)
    return text.upper() if style == "loud" else text


@node(id="toys.add")
def add(a: float, b: float = 0.0) -> float:
    """Add."""
    return a + b


@node(id="toys.mix")
def mix(a: list[int], b: dict[str, int] | None = None, on: bool = False) -> str:
    """Mix."""
    return repr((a, b, on))


@node(id="toys.write", lane="io", pure=False)
def write(text: str, ctx: Context, name: str = "said.txt") -> str:
    """Write a text to a file."""
    path = ctx.roots.place(name)
    path.write_text(text)
    return str(path)


@node(id="toys.count", lane="io", pure=False)
def count(text: str, ctx: Context) -> int:
    """Add a line to a file; give how many there are."""
    path = ctx.roots.place("count.txt")
    with path.open("a") as file:
        file.write(f"{text}\n")
    return len(path.read_text().splitlines())


@node(id="toys.fail")
def fail(text: str, only: str = "") -> str:
    """Fail, or only where the text is `only`."""
    if not only or text == only:
        raise NodeError(f"{text!r} came; something nicer was wanted", "text")
    return text


@node(id="toys.read", lane="io")
def read(file: str, ctx: Context) -> str:
    """Read a file."""
    return ctx.roots.find(file).read_text()


@node(id="toys.interrupt")
def interrupt(ctx: Context, flag: str = "started") -> str:
    """Say that it began, then work until it is stopped, as if Ctrl-C were pressed."""
    place = ctx.roots.place(flag)
    if place.exists():
        return "second time"
    place.touch()
    os.kill(os.getpid(), signal.SIGINT)
    for _ in ctx.track(range(1000)):
        time.sleep(0.01)
    return "never"


@node(id="toys.chatter")
def chatter(text: str) -> str:
    """Print, which a node should not."""
    print("chatter")
    return text


@node(id="toys.slow")
def slow(text: str) -> str:
    """Take long enough to be kept on disk."""
    time.sleep(0.03)
    return text


@hookimpl
def register_nodes():
    """Offer them."""
    return [say, add, mix, write, count, fail, read, interrupt, chatter, slow]


def workflow(nodes: dict, **more: object) -> dict:
    """A document of nodes: `{"id": ("toys.say", {"text": "a"})}`."""
    made = {i: {"type": t, "version": 1, "inputs": inputs} for i, (t, inputs) in nodes.items()}
    return {"lovebird": 1, "name": "test", "nodes": made, **more}


def put(path: Path, nodes: dict, **more: object) -> Path:
    """Write a document to a file."""
    import json

    path.write_text(json.dumps(workflow(nodes, **more)))
    return path
