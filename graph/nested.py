"""Graphs inside a node: one run an item of a list, and the graph that a node returned."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from typing import Any

from .calls import Blocked
from .errors import NodeError
from .plan import Plan
from .run import Run
from .step import Expand, Ref, Step, item_step
from .workflow import Given

Outputs = tuple[Any, ...]


async def nested(
    run: Run, i: int, steps: dict[str, Step], path: str, targets: Collection[str]
) -> dict[str, Outputs]:
    """Run a graph inside node `i`; raises Blocked if a target could not be made."""
    inner = Run(Plan(steps, targets), run.session, path, run.above | {run.plan.keys[i]})
    values = await inner(targets)
    if len(values) < len(set(targets)):
        raise Blocked(path)
    return values


async def each(run: Run, i: int, args: dict[str, Any]) -> Outputs:
    """Run a mapped node for every item, with a cache entry an item, and collect the outputs."""
    step = run.plan.steps[i]
    items = {}
    for k, row in enumerate(_rows(step, args)):
        given = {name: _given(run, step, name, value, k) for name, value in row.items()}
        name = f"{run.plan.ids[i]}[{k}]"
        items[name] = item_step(step, given, k, run.plan.input_key, args)
    if step.fold:
        return await _fold(run, i, items)
    values = await nested(run, i, items, run.path, list(items))
    columns = [list(column) for column in zip(*(values[n] for n in items), strict=True)]
    return tuple(columns) if items else tuple([] for _ in step.type.outputs)


def _given(run: Run, step: Step, name: str, value: Any, k: int) -> Any:
    source = step.inputs[name]
    if isinstance(source, Ref | Given):
        return Given(value, run.plan.item_key(source, k))
    return value


async def _fold(run: Run, i: int, items: dict[str, Step]) -> Outputs:
    """Run item after item, each taking outputs of the one before."""
    step = run.plan.steps[i]
    if not items:
        raise NodeError("there is nothing to fold over: the list is empty", step.each[0])
    for before, name in pairwise(list(items)):
        carried = {n: Ref(before, step.type.slots[out]) for n, out in step.fold.items()}
        items[name] = replace(items[name], inputs=items[name].inputs | carried)
    last = list(items)[-1]
    return (await nested(run, i, items, run.path, [last]))[last]


async def expand(run: Run, i: int, expansion: Expand, args: dict[str, Any]) -> Outputs:
    """Run the graph that a node returned; its outputs become the node's."""
    key, step = run.plan.keys[i], run.plan.steps[i]
    known = {
        id(v): run.plan.input_key(step.inputs[n])[1:]
        for n, v in args.items()
        if isinstance(step.inputs.get(n), Ref | Given)
    }
    steps = run.session.expand(expansion, key, known)
    links = [getattr(o, "link", o) for o in expansion.outputs]
    targets = list(dict.fromkeys(link.node for link in links))
    values = await nested(run, i, steps, f"{run.name(i)}/", targets)
    slots = [steps[o.node].type.slots.get(o.output, 0) for o in links]
    return tuple(values[o.node][s] for o, s in zip(links, slots, strict=True))


def _rows(step: Step, args: dict[str, Any]) -> list[dict[str, Any]]:
    columns = {name: args[name] for name in step.each}
    for name, column in columns.items():
        if not isinstance(column, list | tuple):
            raise NodeError(f"{type(column).__name__} came; a list was wanted to map over", name)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{n} has {k}" for n, k in lengths.items())
        raise NodeError(f"the lists to map over differ in length: {told}")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
