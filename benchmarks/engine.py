"""What the engine adds to each node: chains, wide and layered random graphs of trivial nodes.

    python benchmarks/engine.py [--nodes 100 1000 10000] [--json]

Microseconds a node, processor time, the best of several runs: check alone, first run, cached rerun
(every node is asked for, so that every one is looked up), cached rerun of the last node alone, and
a run after one change in the middle. All runs include checking and planning. Beside it the same
graph in a bare loop over `graphlib` with no cache, checks or events, and through dask's scheduler
if dask is installed. Peak memory is of the Python heap in the first run.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
import tracemalloc
from collections.abc import Callable
from graphlib import TopologicalSorter

from rich.console import Console
from rich.table import Table

from lovebird import Engine, Workflow, node
from lovebird.graph.cache import Cache
from lovebird.graph.workflow import as_link


@node(id="bench.inc", lane="inline")
def inc(x: int, y: int = 0, z: int = 0) -> int:
    return x + y + z + 1


def chain(n: int) -> Workflow:
    w, last = Workflow(), 0
    for i in range(n):
        last = w.add(inc, str(i), x=last, y=1)
    return w


def wide(n: int) -> Workflow:
    w = Workflow()
    first = w.add(inc, "0", x=0)
    for i in range(1, n):
        w.add(inc, str(i), x=first, y=i)
    return w


def layered(n: int, width: int = 10) -> Workflow:
    w, draw, nodes = Workflow(), random.Random(0), []
    for i in range(n):
        before = nodes[max(0, i - 2 * width) : i - i % width]
        x, y = (draw.choice(before) if before else 0 for _ in range(2))
        nodes.append(w.add(inc, str(i), x=x, y=y, z=i))
    return w


def best(
    call: Callable[[], object], setup: Callable[[], object] = lambda: None, runs: int = 7
) -> float:
    """Least processor time of several runs, in seconds."""
    times = []
    for _ in range(runs):
        setup()
        gc.collect()
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return min(times)


def bare(w: Workflow) -> float:
    """The same graph in a loop: what the functions and a topological sort cost by themselves."""
    links = {
        i: {k: link.node for k, v in e.inputs.items() if (link := as_link(v))}
        for i, e in w.nodes.items()
    }

    def call() -> None:
        values: dict[str, int] = {}
        for i in TopologicalSorter(
            {i: set(names.values()) for i, names in links.items()}
        ).static_order():
            inputs = w.nodes[i].inputs
            values[i] = inc.fn(
                **{k: values[links[i][k]] if k in links[i] else v for k, v in inputs.items()}
            )

    return best(call, runs=3)


def peer(w: Workflow) -> float | None:
    """The same graph through dask's synchronous scheduler, which caches nothing."""
    try:
        from dask.local import get_sync
    except ImportError:
        return None
    graph = {}
    for i, e in w.nodes.items():
        args = [
            link.node if (link := as_link(e.inputs.get(k, 0))) else e.inputs.get(k, 0)
            for k in "xyz"
        ]
        graph[i] = (inc.fn, *args)
    return best(lambda: get_sync(graph, list(graph)[-1]), runs=1 if len(graph) > 1000 else 3)


def measure(shape: Callable[[int], Workflow], n: int) -> dict[str, float | str | None]:
    w = shape(n)
    ids, last, middle = list(w.nodes), [str(n - 1)], f"{n // 2}.y"
    engine = Engine([inc], cache=Cache(memory=2**34))
    check = best(lambda: engine.check(w))
    first = best(lambda: engine.run(w, ids), engine.cache.clear)
    again = best(lambda: engine.run(w, ids))
    tip = best(lambda: engine.run(w, last))
    values = iter(range(100, 1000))
    change = best(lambda: engine.run(w), lambda: w.set(middle, next(values)))
    engine.cache.clear()
    tracemalloc.start()
    engine.run(w, ids)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    micro = {"check": check, "first run": first, "cached rerun": again, "cached, last only": tip,
             "one change": change, "bare loop": bare(w), "dask": peer(w)}  # fmt: skip
    row: dict[str, float | str | None] = {"graph": shape.__name__, "nodes": n}
    row |= {k: None if v is None else round(v / n * 1e6, 2) for k, v in micro.items()}
    return row | {"peak MB": round(peak / 1e6, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(shape, n) for shape in (chain, wide, layered) for n in options.nodes]
    if options.json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(title="Microseconds a node (processor time)")
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*("-" if v is None else str(v) for v in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
