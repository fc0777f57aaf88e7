"""Inputs given as text, by --set or a table: read as the socket wants them."""

import json
from typing import Any, Literal

import pytest
import toys
from hypothesis import given
from hypothesis import strategies as st

from lovebird.graph.literal import MISSING, coerce
from lovebird.graph.workflow import Workflow
from lovebird.ui.console import UsageProblem
from lovebird.ui.values import assign, read, split

NODES = {n.id: n for n in toys.register_nodes()}


def document(**nodes):
    return Workflow.read(json.dumps(toys.workflow(nodes)))


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("1", str, "1"),
        ('"a"', str, '"a"'),
        ("null", str, "null"),
        ("1", int, 1),
        ("1.5", int, MISSING),
        ("1", float, 1),
        ("true", bool, True),
        ("yes", bool, MISSING),
        ("True", bool, MISSING),
        ("null", str | None, None),
        ("a", str | None, "a"),
        ("[1, 2]", list[int], [1, 2]),
        ("[1, x]", list[int], MISSING),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ("loud", Literal["plain", "loud"], "loud"),
        ('"loud"', Literal["plain", "loud"], "loud"),
        ("5", Any, 5),
        ("five", Any, "five"),
        ("NaN", float, MISSING),
    ],
)
def test_text_is_json_where_the_socket_wants_that_else_text(text, hint, value):
    assert read(text, hint) == value or (value is MISSING and read(text, hint) is MISSING)


@given(st.text())
def test_text_for_a_text_socket_is_never_changed(text):
    assert read(text, str) == text


@given(st.text() | st.integers().map(str) | st.floats().map(repr))
def test_what_is_read_always_fits(text):
    for hint in (int, float, bool, list[int], str | None):
        value = read(text, hint)
        assert value is MISSING or coerce(value, hint) is not MISSING


@given(st.text())
def test_any_setting_is_read_or_refused_with_a_remedy(setting):
    workflow = document(say=("toys.say", {"text": "a"}))
    try:
        assign(workflow, NODES, *split(setting))
    except UsageProblem as e:
        assert str(e)


def test_a_value_may_hold_equals_signs():
    assert split("say.text=a=b") == ("say.text", "a=b")


def test_a_link_can_be_set():
    workflow = document(a=("toys.say", {"text": "a"}), b=("toys.say", {"text": "b"}))
    assign(workflow, NODES, "b.text", '{"from": "a"}')
    assert workflow.nodes["b"].inputs["text"] == {"from": "a"}


def test_an_input_that_is_mapped_over_wants_a_list():
    workflow = document(say=("toys.say", {"text": ["a"]}))
    workflow.nodes["say"].each = ["text"]
    assign(workflow, NODES, "say.text", '["a", "b"]')
    assert workflow.nodes["say"].inputs["text"] == ["a", "b"]
    with pytest.raises(UsageProblem, match="a list was wanted"):
        assign(workflow, NODES, "say.text", "a")


def test_inputs_of_unknown_nodes_can_be_set_without_a_check():
    workflow = document(gone=("other.node", {}))
    assign(workflow, NODES, "gone.size", "5")
    assert workflow.nodes["gone"].inputs == {"size": 5}
