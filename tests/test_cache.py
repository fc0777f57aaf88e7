"""The cache: bytes in memory over files on disk."""

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lovebird import Engine, Workflow, node
from lovebird.graph.cache import Cache
from lovebird.graph.pack import Packer, Unsaved, size
from lovebird.graph.socket import Sockets
from lovebird.graph.store import Store
from lovebird.graph.types import Conditioning, Image, Latents
from lovebird.nodes.sockets import register_sockets
from lovebird.nodes.tensors import TORCH

PACKER = Packer(Sockets(register_sockets()), [TORCH])
KEY = bytes(range(16))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "cache", PACKER)


@node
def ramp(n: int) -> Image:
    """Make a picture."""
    return Image(np.linspace(0, 1, 3 * n * n, dtype=np.float32).reshape(1, n, n, 3))


def engine(folder: Path, **options) -> Engine:
    cache = Cache(store=Store(folder, PACKER, **options), slow=0)
    return Engine([ramp], Sockets(register_sockets()), cache=cache)


def workflow(n: int = 4) -> Workflow:
    w = Workflow()
    w.add(ramp, n=n)
    return w


def test_results_survive_a_restart(tmp_path):
    first = engine(tmp_path).run(workflow())
    second = engine(tmp_path).run(workflow())
    assert first.ran and not second.ran
    assert np.array_equal(first["ramp"].pixels, second["ramp"].pixels)


def test_another_process_finds_them(tmp_path):
    path = tmp_path / "w.json"
    script = (
        "import sys; from pathlib import Path;"
        "sys.path.insert(0, sys.argv[1]); import test_cache as t;"
        "r = t.engine(Path(sys.argv[2])).run(t.workflow()); print(len(r.ran))"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent), str(path)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert [r.stdout.strip() for r in runs] == ["1", "0"]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "junk"])
def test_a_damaged_entry_is_dropped_and_its_node_runs_again(tmp_path, damage):
    engine(tmp_path).run(workflow())
    (file,) = tmp_path.glob("??/*.safetensors")
    data = bytearray(file.read_bytes())
    data[-5] ^= 0xFF
    file.write_bytes({"cut": data[:-7], "flip": data, "empty": b"", "junk": b"x" * 99}[damage])
    result = engine(tmp_path).run(workflow())
    assert result.ran and result["ramp"].pixels.max() == 1
    assert not engine(tmp_path).run(workflow()).ran


def test_quick_nodes_leave_no_files(tmp_path):
    slow = Engine(
        [ramp], Sockets(register_sockets()), cache=Cache(store=Store(tmp_path, PACKER), slow=1e9)
    )
    slow.run(workflow())
    assert not list(tmp_path.glob("??/*"))


def test_over_its_cap_the_store_drops_what_was_used_longest_ago(store):
    import os

    store.limit = 10_000
    for i in range(12):
        key = bytes([i] * 16)
        store.put(key, (np.zeros(250, np.float32),))
        os.utime(store.path(key), (i, i)) if store.path(key).exists() else None
    kept = [i for i in range(12) if store.get(bytes([i] * 16))]
    assert kept == list(range(kept[0], 12)) and kept[0] > 0
    assert store.size() <= 10_000


def test_a_folder_that_cannot_be_written_costs_speed_not_the_run(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert engine(tmp_path / "file" / "cache").run(workflow())["ramp"].pixels.shape == (1, 4, 4, 3)


def test_live_objects_stay_in_memory(store):
    assert not store.put(KEY, (threading.Lock(),))
    with pytest.raises(Unsaved, match="lock"):
        PACKER.pack((threading.Lock(),))


def test_the_store_makes_no_class_that_no_socket_registered(store):
    tree = {"type": "Popen", "fields": {"args": "true"}}
    with pytest.raises(StopIteration):
        PACKER.unpack(tree, {})


def test_memory_is_bounded_by_bytes():
    cache = Cache(memory=100_000)
    for i in range(100):
        cache.put(bytes([i] * 16), (np.zeros(1000, np.float64),))
    assert 5 < len(cache.memory) < 13
    cache.put(KEY, (np.zeros(10**6),))
    assert cache.get(KEY) is None, "larger than the whole budget"


def test_size_counts_arrays_in_dataclasses_and_lists():
    image = Image(np.zeros((1, 10, 10, 3), np.float32))
    assert 1200 <= size(image) < 2000
    assert 2400 <= size([image, image]) < 4000


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int64", "bool"])
def test_tensors_come_back_equal(store, dtype):
    torch = pytest.importorskip("torch")
    tensor = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    value = Latents(tensor, "sd")
    store.put(KEY, (value, Conditioning(tensor, "sd", pooled=None, extra={"sizes": [1, 2]})))
    latents, conditioning = store.get(KEY)
    assert torch.equal(latents.samples, tensor) and latents.samples.dtype == tensor.dtype
    assert latents.space == "sd" and conditioning.pooled is None
    assert conditioning.extra == {"sizes": [1, 2]}


arrays = hnp.arrays(
    st.sampled_from([np.float32, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | arrays,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3),
    max_leaves=8,
)


def same(a, b) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


@given(values)
@settings(max_examples=150, deadline=None)
def test_any_value_comes_back_from_disk_as_it_was(tmp_path_factory, value):
    store = Store(tmp_path_factory.mktemp("cache"), PACKER)
    assert store.put(KEY, (value,))
    (back,) = store.get(KEY)
    assert same(back, value)
