"""Plugins: found, loaded each in a guard, reported."""

import sys
import textwrap

import pytest
import toys

from lovebird import hookimpl, node
from lovebird.graph.socket import Socket
from lovebird.plugins.manager import Candidate, Plugins

NODE = """
from lovebird import hookimpl, node

@node(id={id!r})
def fn(a: int = 1) -> int:
    return a

@hookimpl
def register_nodes():
    return [fn]
"""


@pytest.fixture
def offer(tmp_path, monkeypatch):
    """Write plugins as modules, and give them as candidates."""
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def write(name: str, source: str) -> Candidate:
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        made.append(name)

        def load():
            __import__(name)
            return sys.modules[name]

        return Candidate(name, "test 1.0", load)

    yield write
    for name in made:
        sys.modules.pop(name, None)


def states(plugins):
    return {p.name: p.state for p in plugins.report() if p.origin != "built in"}


BROKEN = {
    "missing": ("import surely_not_there", "needs the module 'surely_not_there'", "install"),
    "syntax": ("def broken(:", "SyntaxError", "tell its author"),
    "raises": ("raise RuntimeError('no licence')", "RuntimeError: no licence", "tell its author"),
    "exits": ("import sys; sys.exit(3)", "tried to end the program", "-p no:exits"),
    "unknown": (
        "from lovebird import hookimpl\n@hookimpl\ndef no_such_hook(): pass",
        "no_such_hook",
        "known hooks: register_nodes",
    ),
    "argument": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_nodes(surprise): pass",
        "surprise",
        "known hooks",
    ),
    "hook_raises": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_nodes(): return 1 / 0",
        "ZeroDivisionError",
        "tell its author",
    ),
    "hook_exits": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_nodes(): raise SystemExit",
        "tried to end the program",
        "-p no:hook_exits",
    ),
    "number": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_nodes(): return 3",
        "register_nodes gave 3; a list of NodeType was wanted",
        "-p no:number",
    ),
    "text": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_nodes(): return 'sampling'",
        "a list of NodeType was wanted",
        "-p no:text",
    ),
    "function": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_nodes(): return [print]",
        "put @node before it",
        "-p no:function",
    ),
    "untyped": (
        "from lovebird import node\n@node\ndef f(a): return a",
        "parameter 'a' needs a type annotation",
        "tell its author",
    ),
    "socket": (
        "from lovebird import hookimpl\n@hookimpl\ndef register_sockets(): return [int]",
        "Socket was wanted",
        "-p no:socket",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_reported_with_reason_and_remedy_and_the_rest_go_on(offer, name):
    source, reason, remedy = BROKEN[name]
    name = f"broken_{name}"
    remedy = remedy.replace("no:", "no:broken_")
    bad, good = offer(name, source), offer("good", NODE.format(id="good.fn"))
    plugins = Plugins.load(candidates=[bad, good])
    assert states(plugins) == {name: "failed", "good": "on"}
    assert reason in plugins.found[name].reason
    assert remedy in plugins.found[name].remedy
    assert plugins.nodes["good.fn"].fn(2) == 2
    assert plugins.failed == [plugins.found[name]]


def test_a_node_id_that_is_taken_fails_the_second_plugin_as_a_whole(offer):
    second = NODE.format(id="first.fn").replace("return [fn]", "return [other, fn]")
    second = second.replace(
        "@hookimpl", "@node(id='second.other')\ndef other() -> int: ...\n\n@hookimpl"
    )
    found = [offer("first", NODE.format(id="first.fn")), offer("second", second)]
    plugins = Plugins.load(candidates=found)
    assert states(plugins) == {"first": "on", "second": "failed"}
    assert "'first.fn' is already offered by first" in plugins.found["second"].reason
    assert plugins.owner["first.fn"] == "first"
    assert "second.other" not in plugins.nodes


def test_a_plugin_that_takes_a_built_in_node_fails(offer):
    taken = next(iter(Plugins.load(candidates=()).nodes))
    plugins = Plugins.load(candidates=[offer("thief", NODE.format(id=taken))])
    assert states(plugins) == {"thief": "failed"}


def test_two_plugins_of_one_name_are_told_apart(offer):
    one, two = offer("one", NODE.format(id="one.fn")), offer("two", NODE.format(id="two.fn"))
    twin = Candidate("one", "other 2.0", two.load)
    plugins = Plugins.load(candidates=[one, twin])
    assert states(plugins) == {"one": "on", "one (other 2.0)": "failed"}
    assert "test 1.0" in plugins.failed[0].reason


def test_a_plugin_can_be_left_out(offer):
    plugins = Plugins.load(off={"one"}, candidates=[offer("one", "raise RuntimeError")])
    assert states(plugins) == {"one": "off"}
    assert not plugins.warnings


def test_leaving_out_what_is_not_there_is_worth_a_hint(offer):
    plugins = Plugins.load(off={"halftones"}, candidates=[offer("halftone", NODE.format(id="h.a"))])
    assert plugins.warnings == [
        "-p no:halftones: there is no such plugin; did you mean 'halftone'?"
    ]


def test_a_built_in_module_can_be_left_out():
    assert "text.encode" in Plugins.load(candidates=()).nodes
    assert "text.encode" not in Plugins.load(off={"text"}, candidates=()).nodes


def test_sockets_are_registered_and_a_taken_type_is_refused():
    class Dots:
        pass

    class One:
        @hookimpl
        def register_sockets(self):
            return [Socket(Dots, "#ff0000")]

    class Two(One):
        pass

    both = [Candidate("one", "test", One), Candidate("two", "test", Two)]
    plugins = Plugins.load(candidates=both)
    assert plugins.sockets.by_type[Dots].colour == "#ff0000"
    assert "Dots already has a socket" in plugins.found["two"].reason


def test_what_a_plugin_prints_while_it_loads_does_not_reach_standard_output(offer, capsys):
    Plugins.load(candidates=[offer("printer", "print('hello')")])
    out, err = capsys.readouterr()
    assert (out, err) == ("", "hello\n")


def test_a_hook_that_raises_is_logged_by_plugin_and_the_others_are_called(caplog):
    called = []

    class Bad:
        @hookimpl
        def lane_started(self, lane):
            raise OSError("no driver")

    class Good:
        @hookimpl
        def lane_started(self, lane):
            called.append(lane)

    plugins = Plugins.load(candidates=[Candidate("bad", "t", Bad), Candidate("good", "t", Good)])
    plugins.tell("lane_started", lane="cpu")
    assert called == ["cpu"]
    assert "the plugin bad failed in lane_started: OSError: no driver" in caplog.text


def test_plugins_answer_by_the_hook_relay():
    class Sources:
        @hookimpl
        def register_model_sources(self):
            return ["a source"]

    plugins = Plugins.load(candidates=[Candidate("sources", "test", Sources)])
    assert ["a source"] in plugins.hook.register_model_sources()


def test_the_report_is_json(offer):
    bad = offer("bad", "import nowhere_at_all")
    facts = Plugins.load(candidates=[bad]).found["bad"].json()
    assert facts["state"] == "failed"
    assert facts["nodes"] == []
    assert "nowhere_at_all" in facts["reason"]


def test_every_built_in_plugin_loads():
    failed = {p.name: p.reason for p in Plugins.load(candidates=()).failed}
    assert failed == {}


def test_authors_test_a_plugin_by_the_lovebird_fixture(lovebird):
    lovebird.register(toys)
    assert lovebird("toys.say", text="ha", times=2) == "ha ha"
    with pytest.raises(Exception, match="something nicer"):
        lovebird("toys.fail", text="bah")


def test_the_fixture_checks_what_an_editor_would(lovebird):
    lovebird.register(toys)
    with pytest.raises(Exception, match=r"99 came; a number from 1 to 9 was wanted"):
        lovebird("toys.say", text="ha", times=99)


def test_the_fixture_raises_why_a_plugin_fails(lovebird):
    class Bad:
        @hookimpl
        def no_such_hook(self):
            pass

    with pytest.raises(Exception, match="no_such_hook"):
        lovebird.register(Bad())


def test_the_fixture_passes_live_values(lovebird):
    class Thing:
        pass

    @node(id="live.same")
    def same(thing: Thing) -> Thing:
        """Give it back."""
        return thing

    class Live:
        @hookimpl
        def register_nodes(self):
            return [same]

    lovebird.register(Live())
    thing = Thing()
    assert lovebird("live.same", thing=thing) is thing
