import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

from medseg import Connectivity, DistanceWatershed, InstanceRules, separate_instances
from medseg.instances.joining import with_small_ones_joined
from tests.core.instances.scenes import TUMOUR, label_map


def plane(text: str) -> np.ndarray:
    rows = [[int(each) for each in row] for row in text.split()]
    return np.array(rows, np.int32)[:, :, np.newaxis]


def test_a_small_one_goes_to_the_neighbour_it_touches_most():
    """The 3 has three faces on the 2 and one on the 1."""
    joined = with_small_ones_joined(
        plane("1113322 1112222 1112222"), 3.0, Connectivity.FACES
    )

    assert_array_equal(joined, plane("1112222 1112222 1112222"))


def test_a_corner_counts_only_where_corners_connect():
    """The 3 has a face on the 1, and on the 2 no face, but three corners."""
    numbers = plane("1000 1300 0022") * 1
    numbers = np.concatenate([numbers, plane("0000 0022 0022")], axis=2)

    by_faces = with_small_ones_joined(numbers, 2.0, Connectivity.FACES)
    by_corners = with_small_ones_joined(numbers, 2.0, Connectivity.CORNERS)

    assert by_faces[1, 1, 0] == 1
    assert by_corners[1, 1, 0] == 2


def test_what_grows_by_it_may_be_large_enough():
    """1 + 1 voxels are joined to two, which stay one."""
    joined = with_small_ones_joined(plane("1233444"), 2.0, Connectivity.FACES)

    assert len(np.unique(joined)) == 3
    assert joined[0, 0, 0] == joined[0, 1, 0]


def test_the_last_one_stays_however_small():
    joined = with_small_ones_joined(plane("12"), 100.0, Connectivity.FACES)

    assert len(np.unique(joined)) == 1


@settings(max_examples=30)
@given(
    seed=st.integers(0, 9999),
    smallest=st.floats(1, 60),
    connectivity=st.sampled_from(Connectivity),
)
def test_all_are_large_enough_connected_and_made_of_whole_basins(
    seed, smallest, connectivity
):
    rng = np.random.default_rng(seed)
    seeds = np.ones((9, 8, 7), bool)
    places = rng.choice(seeds.size, 20, replace=False)
    seeds.ravel()[places] = False
    _, nearest = ndimage.distance_transform_cdt(seeds, "taxicab", return_indices=True)
    numbers = np.zeros(seeds.shape, np.int32)
    numbers.ravel()[places] = np.arange(1, 21)
    numbers = numbers[tuple(nearest)]

    joined = with_small_ones_joined(numbers, smallest, connectivity)

    neighbours = ndimage.generate_binary_structure(3, connectivity.rank)
    for number in np.unique(joined):
        piece = joined == number
        assert piece.sum() >= smallest
        basins = np.unique(numbers[piece])
        assert_array_equal(piece, np.isin(numbers, basins))
        if all(ndimage.label(numbers == n, neighbours)[1] == 1 for n in basins):
            assert ndimage.label(piece, neighbours)[1] == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_order_of_voxels_in_memory_changes_nothing(order):
    rng = np.random.default_rng(3)
    array = np.where(rng.random((20, 18, 12)) < 0.3, TUMOUR, 0)
    rules = InstanceRules(
        connectivity=Connectivity.FACES,
        minimum_mm3=4.0,
        split=DistanceWatershed(neck_mm=0.3),
    )
    plain = separate_instances(label_map(array), rules)

    told = separate_instances(label_map(np.array(array, order=order)), rules)

    assert_array_equal(told.instance_map, plain.instance_map)
    first = [np.flatnonzero(told.instance_map == e.number)[0] for e in told.instances]
    assert first == sorted(first)
