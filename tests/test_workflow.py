"""The document: what is read, refused, kept and written."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lovebird import Workflow, WorkflowError, node
from lovebird.graph.workflow import schema

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
literals = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=3),
    max_leaves=5,
)  # fmt: skip
entries = st.fixed_dictionaries(
    {"type": names},
    optional={
        "version": st.integers(1, 9),
        "inputs": st.dictionaries(names, literals | st.just({"from": "a.b"}), max_size=4),
        "each": names,
        "note": literals,
    },
)
documents = st.fixed_dictionaries(
    {"lovebird": st.just(1), "nodes": st.dictionaries(names, entries, max_size=5)},
    optional={"name": st.text(), "view": st.dictionaries(names, literals), "future": literals},
)


@node
def inc(x: int, y: int = 0) -> int:
    """Add."""
    return x + y


@given(documents)
@settings(max_examples=150, deadline=None)
def test_what_is_read_is_written_without_loss_and_canonically(document):
    text = Workflow.read(json.dumps(document)).text()
    assert Workflow.read(text).text() == text
    data = json.loads(text)
    for id, entry in document["nodes"].items():
        for key, value in entry.items():
            if value or key == "type":
                assert data["nodes"][id].get(key) == value
    for key in ("view", "future", "name"):
        if document.get(key):
            assert data[key] == document[key]


@given(st.binary(max_size=200) | st.text(max_size=200) | literals.map(json.dumps))
@settings(max_examples=200, deadline=None)
def test_garbage_is_refused_with_a_workflow_error(text):
    with pytest.raises(WorkflowError):
        Workflow.read(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON: line 1"),
        ("[]", 'needs "lovebird": 1'),
        ('{"a": 1}', 'needs "lovebird": 1'),
        ('{"lovebird": 2, "nodes": {}}', "reads 1 to 1: update it"),
        ('{"lovebird": "1", "nodes": {}}', "format '1'"),
        ('{"lovebird": 1, "nodes": {"a": {}}}', "nodes.a.type"),
        ('{"lovebird": 1, "nodes": []}', "nodes"),
        ('{"lovebird": 1, "nodes": {}, "nodes": {}}', "'nodes' is there twice"),
        ('{"lovebird": 1, "nodes": {"a.b": {"type": "x"}}}', "can't be a node's id"),
        ('{"lovebird": 1, "nodes": {"a": {"type": "x", "inputs": {"n": NaN}}}}', "NaN"),
        ("[" * 10_000 + "]" * 10_000, "nested too deep"),
        ('{"lovebird": 1, "nodes": {}, "x": ' + "[" * 500 + "]" * 500 + "}", "nested too deep"),
        (b"\xff\xfe", "not JSON"),
        ("9" * 5000, "not JSON"),
    ],
)
def test_a_broken_file_is_told_what_is_wrong(text, told):
    with pytest.raises(WorkflowError, match=told):
        Workflow.read(text)


def test_a_ten_megabyte_string_survives():
    text = json.dumps({"lovebird": 1, "nodes": {}, "name": "x" * 10_000_000})
    assert len(Workflow.read(text).name) == 10_000_000


def test_moving_a_box_changes_the_view_alone():
    text = '{"lovebird": 1, "nodes": {"a": {"type": "x"}}, "view": {"a": {"x": %d}}}'
    one, two = Workflow.read(text % 1).data(), Workflow.read(text % 2).data()
    assert one.pop("view") != two.pop("view") and one == two


def test_a_graph_built_in_code_is_the_same_as_its_file(tmp_path):
    with Workflow("sum") as w:
        inc(inc(1, y=2), y=3)
    path = w.save(tmp_path / "sum.json")
    again = Workflow.load(path)
    assert again.text() == w.text()
    assert again.nodes["inc_2"].inputs["x"] == {"from": "inc.out"}


def test_the_order_of_building_does_not_change_the_bytes():
    one, two = Workflow(), Workflow()
    one.add(inc, "a", x=1), one.add(inc, "b", y=1, x=2)
    two.add(inc, "b", x=2, y=1), two.add(inc, "a", x=1)
    assert one.text() == two.text()


def test_saving_fails_whole_or_not_at_all(tmp_path, monkeypatch):
    path = Workflow("old").save(tmp_path / "w.json")
    monkeypatch.setattr("os.replace", lambda *a: (_ for _ in ()).throw(OSError(28, "disk full")))
    with pytest.raises(OSError, match="disk full"):
        Workflow("new").save(path)
    assert Workflow.load(path).name == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_live_value_cannot_be_saved():
    w = Workflow()
    w.add(inc, x=object())
    with pytest.raises(WorkflowError, match=r"inc.x holds a live value"):
        w.text()


def test_setting_an_unknown_address_names_the_nearest():
    w = Workflow()
    w.add(inc, "prompt", x=1)
    with pytest.raises(WorkflowError, match="did you mean 'prompt'"):
        w.set("promt.x", 2)


def test_an_output_that_a_node_lacks_is_refused_while_building():
    w = Workflow()
    with pytest.raises(AttributeError, match="has no output 'image'; it has out"):
        _ = w.add(inc, x=1).image


def test_the_schema_is_of_a_workflow():
    told = schema()
    assert told["type"] == "object" and "nodes" in told["properties"]
