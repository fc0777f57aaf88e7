"""The checker: every problem at once, with its address and its remedy."""

import json
import time
from typing import Annotated, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lovebird import Engine, Workflow, node
from lovebird.graph.check import check, upgrade
from lovebird.graph.socket import Sockets
from lovebird.graph.types import Image, Mask
from lovebird.graph.widgets import Choice, Colour, File, Lines, Seed, Slider
from lovebird.nodes.sockets import register_sockets

offered = ["euler"]


@node(id="t.picture")
def picture(width: Annotated[int, Slider(8, 4096)] = 64) -> Image:
    """Make a picture."""
    raise NotImplementedError


@node(id="t.text")
def text(text: Annotated[str, Lines(limit=10)] = "") -> str:
    """Give text."""
    return text


@node(id="t.use", version=3, was=("old.use",))
def use(
    image: Image,
    mask: Mask | None = None,
    strength: Annotated[float, Slider(0, 1)] = 0.5,
    mode: Literal["fast", "good"] = "fast",
    scheduler: Annotated[str, Choice(compute=lambda: offered)] = "euler",
    seed: Annotated[int, Seed()] = 0,
    invert: bool = False,
    sizes: list[int] = [],  # noqa: B006
    paint: Annotated[str, Colour()] = "#ff0000",
    path: Annotated[str, File((".png",))] = "a.png",
) -> Image:
    """Use a picture."""
    raise NotImplementedError


@use.migrate(1)
def _(old: dict) -> dict:
    return {("strength" if k == "power" else k): v for k, v in old.items()}


@use.migrate(2)
def _(old: dict) -> dict:
    return old | {"mode": "good"}


@use.rule
def _(strength: float, invert: bool) -> str | None:
    return "an inverted picture needs a strength over 0" if invert and not strength else None


NODES = {n.id: n for n in (picture, text, use)}
SOCKETS = Sockets(register_sockets())


def problems(*entries: tuple[str, str, dict], **options) -> list[str]:
    versions = {"t.use": 3}
    nodes = {
        i: {"type": t, "version": versions.get(t, 1), "inputs": inputs} | options.get(i, {})
        for i, t, inputs in entries
    }
    w = Workflow.read(json.dumps({"lovebird": 1, "nodes": nodes}))
    return [str(p) for p in check(upgrade(w, NODES), NODES, SOCKETS)]


PIC = ("pic", "t.picture", {})
LINK = {"from": "pic.out"}


def test_a_sound_graph_has_no_problem():
    assert not problems(PIC, ("u", "t.use", {"image": LINK, "mask": LINK, "strength": 1}))


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({}, "u.image: nothing came; Image was wanted: connect"),
        ({"image": "cat.png"}, "u.image: 'cat.png' came; a link from an output of type Image"),
        ({"image": {"from": "pci.out"}}, "linked to 'pci', which is not there; did you mean 'pic'"),
        ({"image": {"from": "pic.ot"}}, "no output 'ot'; did you mean 'out'"),
        ({"image": {"from": "txt.out"}}, "u.image: str came from txt.out; Image was wanted"),
        ({"image": LINK, "strenght": 1}, "no input 'strenght'; did you mean 'strength'"),
        ({"image": LINK, "strength": 1.5}, "u.strength: 1.5 came; a number from 0 to 1 was wanted"),
        ({"image": LINK, "strength": True}, "u.strength: True came"),
        ({"image": LINK, "strength": "0.5"}, "u.strength: '0.5' came"),
        ({"image": LINK, "strength": None}, "u.strength: None came"),
        ({"image": LINK, "mode": "slow"}, "one of 'fast', 'good' was wanted"),
        ({"image": LINK, "scheduler": "ddim"}, "one of 'euler' was wanted"),
        ({"image": LINK, "seed": -1}, "u.seed: -1 came; a whole number from 0"),
        ({"image": LINK, "seed": 513.7}, "u.seed: 513.7 came"),
        ({"image": LINK, "seed": 2**63}, "u.seed: 9223372036854775808 came"),
        ({"image": LINK, "invert": "false"}, "u.invert: 'false' came; bool was wanted"),
        ({"image": LINK, "invert": 0}, "u.invert: 0 came; bool was wanted"),
        ({"image": LINK, "sizes": [1, "2"]}, "u.sizes: [1, '2'] came; list[int] was wanted"),
        ({"image": LINK, "sizes": 3}, "u.sizes: 3 came; list[int] was wanted"),
        ({"image": LINK, "paint": "red"}, "a colour such as #ff8800 was wanted"),
        ({"image": LINK, "path": "a.exe"}, "a file name that ends in .png was wanted"),
        ({"image": LINK, "invert": True, "strength": 0}, "u: an inverted picture needs"),
        ({"image": LINK, "mask": {"from": "txt.out"}}, "u.mask: str came from txt.out"),
    ],
)
def test_each_mistake_names_the_socket_what_came_and_what_was_wanted(inputs, told):
    (problem,) = problems(PIC, ("txt", "t.text", {}), ("u", "t.use", inputs))
    assert told in problem


def test_all_problems_are_listed_at_once():
    found = problems(("a", "t.picture", {"width": 1}), ("b", "t.use", {"seed": "x", "no": 1}))
    assert len(found) == 4


def test_choices_that_a_plugin_computes_are_asked_each_time():
    offered.append("heun")
    try:
        assert not problems(PIC, ("u", "t.use", {"image": LINK, "scheduler": "heun"}))
    finally:
        offered.remove("heun")


def test_an_unknown_node_names_the_nearest_and_its_links_are_kept_in_mind():
    found = problems(("a", "t.pictur", {}), ("b", "t.use", {"image": {"from": "a.out"}}))
    assert len(found) == 1 and "did you mean 't.picture'" in found[0]


def test_a_node_saved_by_a_newer_version_says_to_update():
    (problem,) = problems(("p", "t.picture", {}), p={"version": 9})
    assert "saved by version 9 of t.picture; version 1 is installed: update" in problem


def test_a_cycle_is_named_edge_by_edge():
    found = problems(
        ("a", "t.use", {"image": {"from": "c.out"}}),
        ("b", "t.use", {"image": {"from": "a.out"}}),
        ("c", "t.use", {"image": {"from": "b.out"}}),
        ("d", "t.use", {"image": {"from": "d.out"}}),
        ("e", "t.use", {"image": {"from": "a.out"}}),
    )
    assert [f.split(";")[0] for f in sorted(found)] == [
        "a: feeds itself: a -> b -> c -> a",
        "d: feeds itself: d -> d",
    ]


def test_a_cycle_of_ten_thousand_nodes_is_found():
    nodes = [(f"n{i}", "t.use", {"image": {"from": f"n{i - 1}.out"}}) for i in range(1, 10_000)]
    begun = time.process_time()
    (problem,) = problems(("n0", "t.use", {"image": {"from": "n9999.out"}}), *nodes)
    assert "feeds itself" in problem and time.process_time() - begun < 10


def test_each_wants_a_list_and_gives_a_list():
    each = {"p": {"each": "width"}}
    assert not problems(("p", "t.picture", {"width": [8, 16]}), p=each["p"])
    (problem,) = problems(("p", "t.picture", {"width": 8}), p=each["p"])
    assert "p.width: 8 came; a list was wanted" in problem
    (problem,) = problems(("p", "t.picture", {"width": [8, 1]}), p=each["p"])
    assert "1 came; a number from 8 to 4096" in problem
    pair = ("p", "t.picture", {"width": [8, 16]}), ("u", "t.use", {"image": {"from": "p.out"}})
    (problem,) = problems(*pair, p=each["p"])
    assert "list[Image] came from p.out; Image was wanted" in problem
    assert not problems(*pair, p=each["p"], u={"each": "image"})


def test_old_versions_and_former_ids_are_brought_up_to_date():
    text = '{"lovebird": 1, "nodes": {"u": {"type": "old.use", "inputs": {"power": 0.25}}}}'
    entry = upgrade(Workflow.read(text), NODES).nodes["u"]
    assert (entry.type, entry.version) == ("t.use", 3)
    assert entry.inputs == {"strength": 0.25, "mode": "good"}


wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([LINK, {"from": "u.out"}, {"from": ""}]),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=2),
    max_leaves=4,
)  # fmt: skip
sockets = st.sampled_from([*use.ports, "nonsense"])


@given(st.dictionaries(sockets, wild, max_size=6), st.sampled_from(["t.use", "t.picture", "?"]),
       st.lists(sockets, max_size=2), st.dictionaries(sockets, sockets, max_size=1))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_is_in_the_file_the_checker_answers_and_the_engine_agrees(
    inputs, type, each, fold
):
    w = Workflow.read(json.dumps({"lovebird": 1, "nodes": {
        "pic": {"type": "t.picture"}, "u": {"type": type, "inputs": inputs, "each": each,
                                            "fold": fold}}}))  # fmt: skip
    found = check(w, NODES, SOCKETS)
    assert all(p.node in w.nodes and p.text for p in found)
    assert Engine(NODES, SOCKETS).check(w) is not None
