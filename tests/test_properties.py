"""Random graphs give what a naive recursive evaluator says, whatever the lanes and the order."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from lovebird import Engine, Lazy, Workflow, node
from lovebird.graph.cache import Cache, NoCache
from lovebird.graph.plan import Plan
from lovebird.graph.socket import Sockets
from lovebird.graph.step import Expand, Resolver

MODULUS = 1_000_003


def mix(a: int, b: int, c: int) -> int:
    return (a * 31 + b * 17 + c) % MODULUS


@node(id="p.inline", lane="inline")
def inline(a: int, b: int = 0, c: int = 0) -> int:
    return mix(a, b, c)


@node(id="p.cpu")
def cpu(a: int, b: int = 0, c: int = 0) -> int:
    return mix(a, b, c)


@node(id="p.gpu", lane="gpu")
def gpu(a: int, b: int = 0, c: int = 0) -> int:
    return mix(a, b, c)


@node(id="p.later")
async def later(a: int, b: int = 0, c: int = 0) -> int:
    return mix(a, b, c)


@node(id="p.lazy")
async def lazy(a: int, b: Lazy[int] = 0, c: int = 0) -> int:  # type: ignore[assignment]
    return mix(a, await b if a % 2 else 0, c)


@node(id="p.expand")
def expand(a: int, b: int = 0, c: int = 0) -> int | Expand:
    graph = Workflow()
    first = graph.add(cpu, a=a, b=b, c=1)
    return Expand(graph, (graph.add(later, a=first, b=first, c=c),))


@node(id="p.each")
def each(a: list[int], b: int = 0, c: int = 0) -> int:
    return mix(sum(a), b, c)


TYPES = [inline, cpu, gpu, later, lazy, expand]


@st.composite
def graphs(draw):
    """Random acyclic graphs; node i reads nodes before it, in a shuffled order of declaration."""
    n = draw(st.integers(1, 12))
    nodes = {}
    for i in range(n):
        value = st.integers(0, 5)
        if i:
            value |= st.integers(0, i - 1).map(lambda j: {"from": f"n{j}.out"})
        inputs = {k: draw(value) for k in ("a", "b", "c") if k == "a" or draw(st.booleans())}
        nodes[f"n{i}"] = {"type": draw(st.sampled_from(TYPES)).id, "inputs": inputs}
    order = draw(st.permutations(sorted(nodes)))
    return {"lovebird": 1, "nodes": {k: nodes[k] for k in order}}


def naive(document, id: str, memo: dict[str, int]) -> int:
    """Evaluate by recursion, with no engine at all."""
    if id not in memo:
        entry = document["nodes"][id]
        a, b, c = (entry["inputs"].get(k, 0) for k in "abc")
        a, b, c = (naive(document, v["from"][:-4], memo) if isinstance(v, dict) else v
                   for v in (a, b, c))  # fmt: skip
        if entry["type"] == "p.lazy":
            b = b if a % 2 else 0
        if entry["type"] == "p.expand":
            a = b = mix(a, b, 1)
        memo[id] = mix(a, b, c)
    return memo[id]


shared = Engine(TYPES)


@given(graphs(), st.data())
@settings(max_examples=150, deadline=None)
def test_a_run_gives_what_a_naive_evaluator_gives(document, data):
    w, memo = Workflow.read(json.dumps(document)), {}
    ids = list(w.nodes)
    targets = data.draw(st.lists(st.sampled_from(ids), min_size=1, unique=True))
    wanted = {t: naive(document, t, memo) for t in targets}
    for engine in (Engine(TYPES, cache=NoCache()), shared):
        result = engine.run(w, targets)
        assert {t: result[t] for t in targets} == wanted
    assert not shared.run(w, targets).ran


@given(graphs(), st.data())
@settings(max_examples=60, deadline=None)
def test_after_a_change_a_cached_run_gives_what_a_fresh_one_gives(document, data):
    engine = Engine(TYPES, cache=Cache(memory=data.draw(st.sampled_from([200, 2000, 10**6]))))
    w = Workflow.read(json.dumps(document))
    engine.run(w)
    id = data.draw(st.sampled_from(list(w.nodes)))
    document["nodes"][id]["inputs"]["c"] = 77
    w.set(f"{id}.c", 77)
    result = engine.run(w)
    memo: dict[str, int] = {}
    assert all(result[t] == naive(document, t, memo) for t in result.values)


def keys(document) -> dict[str, bytes]:
    w = Workflow.read(json.dumps(document))
    resolver = Resolver(w, {t.id: t for t in TYPES}, Sockets(), lambda *_: b"")
    plan = Plan(resolver.steps(w.nodes))
    return {i: plan.keys[plan.index[i]] for i in w.nodes}


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_equal_keys_mean_equal_values_and_order_does_not_matter(document):
    memo: dict[str, int] = {}
    seen: dict[bytes, int] = {}
    for id, key in keys(document).items():
        value = naive(document, id, memo)
        assert seen.setdefault(key, value) == value
    backwards = dict(document, nodes=dict(reversed(document["nodes"].items())))
    assert keys(backwards) == keys(document)


@given(graphs(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_change_alters_the_keys_of_what_is_downstream_and_no_other(document, data):
    before = keys(document)
    id = data.draw(st.sampled_from(sorted(before)))
    document["nodes"][id]["inputs"]["c"] = 991
    after = keys(document)
    downstream = {id}
    for _ in before:
        downstream |= {
            i
            for i, e in document["nodes"].items()
            for v in e["inputs"].values()
            if isinstance(v, dict) and v["from"][:-4] in downstream
        }  # fmt: skip
    assert {i for i in before if before[i] != after[i]} == downstream
