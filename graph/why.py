"""Why a node ran, or did not: its inputs held against those of the run before."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .literal import shorten
from .plan import Plan
from .step import Ref


def why(
    node: str,
    ran: Mapping[str, float],
    cached: Collection[str],
    plan: Plan | None,
    before: Plan | None,
) -> str:
    """Say in one line why a node of the last run ran, was taken from the cache, or was left out."""
    if plan is None or node not in plan.index:
        return "not needed by what was asked for"
    i = plan.index[node]
    if plan.ids[i] != node:
        return f"shared the run of {plan.ids[i]}, which is the same"
    if node in cached:
        return "in the cache: nothing it depends on changed"
    if node not in ran:
        return "not needed: what reads it was cached, failed, or never asked for it"
    step = plan.steps[i]
    if not step.type.pure:
        return "runs every time: it has effects outside, or is random"
    if before is None or node not in before.index:
        return "ran for the first time in this session, and was not in the cache"
    j = before.index[node]
    if plan.keys[i] == before.keys[j]:
        return "its result was no longer in the cache"
    return _difference(plan, i, before, j)


def _difference(plan: Plan, i: int, before: Plan, j: int) -> str:
    new, old = plan.steps[i], before.steps[j]
    if new.type.salt != old.type.salt:
        return "its code changed"
    if new.outside != old.outside:
        return "what it reads from outside changed"
    told = []
    for name, value in new.inputs.items():
        was = old.inputs.get(name)
        if plan.input_key(value) == before.input_key(was):
            continue
        if isinstance(value, Ref):
            told.append(f"{name} comes from {value.node}, which changed")
        else:
            came = "a link" if isinstance(was, Ref) else shorten(was, 30)
            told.append(f"{name} was {came}, is {shorten(value, 30)}")
    return "; ".join(told) or "how it is mapped over lists changed"
