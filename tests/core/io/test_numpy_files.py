"""NumPy's files are read in threads."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from medseg.io.numpy_files import read_npy, read_npz


@pytest.fixture
def threads_in_each_others_way():
    """Threads switched, and garbage sought, as often as can be."""
    interval, (threshold, *others) = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50, *others)
    callback = lambda *_: sum(range(50))  # noqa: E731
    gc.callbacks.append(callback)
    yield
    gc.callbacks.remove(callback)
    gc.set_threshold(threshold, *others)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("threads_in_each_others_way")
def test_many_threads_may_read_at_once(tmp_path):
    """Without a lock, some of these fail in CPython 3.11.7."""
    places = np.arange(6, dtype=np.uint16).reshape(2, 3)
    np.save(tmp_path / "places.npy", places)

    def read_often(_):
        return [read_npy(tmp_path / "places.npy") for _ in range(2500)]

    with ThreadPoolExecutor(4) as pool:
        read = [each for some in pool.map(read_often, range(4)) for each in some]
    assert len(read) == 10_000
    assert all(np.array_equal(each, places) for each in read)


def test_arrays_come_in_the_order_of_their_names(tmp_path):
    np.savez(tmp_path / "facts.npz", one=np.ones(2), two=np.zeros(3))
    two, one = read_npz(tmp_path / "facts.npz", ("two", "one"))
    assert (two.tolist(), one.tolist()) == ([0, 0, 0], [1, 1])


def test_python_objects_are_not_read(tmp_path):
    np.save(tmp_path / "code.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        read_npy(tmp_path / "code.npy")
