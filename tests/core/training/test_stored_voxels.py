"""Arrays on disk of which boxes are read."""

import tracemalloc

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from medseg.training.stored_voxels import StoredVoxels, stored_bytes


def test_a_case_is_opened_and_a_box_read_without_reading_the_rest(tmp_path):
    edge = 192
    rng = np.random.default_rng(0)
    image = rng.normal(0, 1, (1, edge, edge, edge)).astype(np.float32)
    (tmp_path / "image").write_bytes(stored_bytes(image, (48, 48, 48)))
    box = (slice(None), slice(10, 40), slice(100, 130), slice(60, 90))
    tracemalloc.start()
    part = StoredVoxels(path=tmp_path / "image", shape=image.shape)[box]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_array_equal(part, image[box])
    assert part.nbytes < peak < 4 * part.nbytes < image.nbytes / 60


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_any_box_of_any_array_is_stored_without_loss(tmp_path_factory, data):
    shape = data.draw(st.tuples(st.integers(1, 3), *[st.integers(1, 40)] * 3))
    lead = data.draw(st.booleans())
    shape = shape if lead else shape[1:]
    dtype = data.draw(st.sampled_from([np.float32, np.uint8]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    values = rng.choice([0, 1, 7, 200, rng.normal()], shape).astype(dtype)
    array = data.draw(st.sampled_from([values, np.asfortranarray(values)]))
    edges = data.draw(st.tuples(*[st.integers(1, 50)] * 3))
    path = tmp_path_factory.mktemp("stored") / "array"
    path.write_bytes(stored_bytes(array, edges))
    first = [data.draw(st.integers(0, n - 1)) for n in shape]
    box = tuple(
        slice(a, data.draw(st.integers(a + 1, n)))
        for a, n in zip(first, shape, strict=True)
    )
    read = StoredVoxels(path=path, shape=shape)[box]
    assert read.dtype == array.dtype
    assert read.tobytes() == np.ascontiguousarray(array[box]).tobytes()
