"""Events: what a watcher sees, live or late, and why nodes ran."""

from lovebird import Context, Engine, Workflow, node


@node
def steps(ctx: Context, n: int) -> int:
    """Report n steps."""
    for _ in ctx.track(range(n), preview=lambda: "picture"):
        pass
    return n


@node(lane="inline")
def inc(x: int, y: int = 1) -> int:
    """Add."""
    return x + y


def run(w: Workflow, engine: Engine | None = None):
    seen = []
    result = (engine or Engine([steps, inc])).run(w, watch=seen.append)
    return result, seen


def test_events_are_numbered_and_tell_the_story_in_order():
    w = Workflow()
    w.add(steps, n=2)
    _, seen = run(w)
    assert [e.seq for e in seen] == list(range(1, len(seen) + 1))
    kinds = [e.kind for e in seen]
    assert kinds == ["queued", "started", "progress", "progress", "progress", "finished", "done"]


def test_a_late_watcher_catches_up_without_what_was_superseded():
    w = Workflow()
    w.add(steps, n=50)
    result, seen = run(w)
    replay = result.events.since(0)
    assert [e.kind for e in replay] == ["queued", "started", "progress", "finished", "done"]
    assert replay[2].data["step"] == 50
    assert result.events.since(seen[-2].seq) == [seen[-1]]


def test_a_watcher_sees_its_own_run_only():
    engine, one, two = Engine([steps, inc]), Workflow(), Workflow()
    one.add(inc, "one", x=1), two.add(inc, "two", x=2)
    (_, first), (_, second) = run(one, engine), run(two, engine)
    assert {e.node for e in first} == {"", "one"} and {e.node for e in second} == {"", "two"}


def test_the_traffic_grows_with_what_changed_not_with_the_graph():
    w, last = Workflow(), 0
    for i in range(300):
        last = w.add(inc, str(i), x=last)
    engine = Engine([inc])
    engine.run(w)
    w.set("299.y", 7)
    _, seen = run(w, engine)
    assert len(seen) == 4


def test_previews_are_made_only_if_somebody_watches():
    made = []

    @node
    def show(ctx: Context) -> int:
        ctx.progress(1, 1, lambda: made.append("preview"))
        return 1

    w = Workflow()
    w.add(show)
    Engine([show]).run(w)
    assert not made
    run(w, Engine([show]))
    assert made == ["preview"]


def test_an_event_becomes_json_without_its_preview():
    w = Workflow()
    w.add(steps, n=1)
    _, seen = run(w)
    told = [e.json() for e in seen if e.kind == "progress"][-1]
    assert told["step"] == 1 and told["of"] == 1 and "preview" not in told


def test_a_shared_run_tells_for_every_node_it_stands_for():
    w = Workflow()
    w.add(inc, "a", x=1), w.add(inc, "b", x=1)
    _, seen = run(w)
    (finished,) = [e for e in seen if e.kind == "finished"]
    assert {finished.node, *finished.data["also"]} == {"a", "b"}


def test_why_a_node_ran_or_did_not():
    engine, w = Engine([inc, steps]), Workflow()
    w.add(inc, "c", x=w.add(inc, "b", x=w.add(inc, "a", x=1)))
    w.add(inc, "other", x=5)
    first = engine.run(w, ["c"])
    assert "first time" in first.why("a") and "not needed by what was asked" in first.why("other")
    second = engine.run(w, ["c"])
    assert second.why("c").startswith("in the cache")
    assert second.why("a").startswith("not needed")
    w.set("b.y", 3)
    third = engine.run(w, ["c"])
    assert third.why("b") == "y was 1, is 3"
    assert third.why("c") == "x comes from b, which changed"
