"""Lesions split at learned centres: ideal maps give the truth back."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

import medseg
from medseg.core.instance_settings import LearnedCentres
from medseg.instances.grouping import found_centres
from tests.core.instances.scenes import CYST, LIVER, TUMOUR, label_map, two_balls
from tests.core.making import ellipsoid

LEARNED = medseg.InstanceRules(split=LearnedCentres())
SIGMA_MM = 3.0


def ideal_maps(
    truth: np.ndarray, grid: medseg.Geometry, things=("tumour",)
) -> medseg.CentreMaps:
    """What a network that makes no error says, on the scan's own grid."""
    places = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    heat, offsets = np.zeros(grid.shape), np.zeros((*grid.shape, 3))
    for number in range(1, int(truth.max()) + 1):
        inside = truth == number
        centre = grid.to_world(np.array(ndimage.center_of_mass(inside)))
        apart_mm = np.linalg.norm(places - centre, axis=-1)
        heat = np.maximum(heat, np.exp(-(apart_mm**2) / (2 * SIGMA_MM**2)))
        offsets[inside] = (centre - places[inside]) @ grid.directions
    return medseg.CentreMaps(
        heat=heat.astype(np.float16),
        offsets_mm=np.moveaxis(offsets, -1, 0).astype(np.float16),
        geometry=grid,
        things=things,
        sigma_mm=SIGMA_MM,
    )


def told(labels, maps) -> np.ndarray:
    return medseg.separate_instances(labels, LEARNED, centres=maps).instance_map.astype(
        int
    )


def same_partition(ours: np.ndarray, truth: np.ndarray) -> bool:
    pairs = {(a, b) for a, b in zip(ours.ravel(), truth.ravel(), strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(6, 24), st.integers(6, 22), st.integers(3, 11)),
        min_size=1,
        max_size=5,
        unique=True,
    )
)
def test_ideal_maps_give_the_truth_back(middles):
    """However many balls there are, and however they touch."""
    grid = medseg.Geometry.from_spacing((31, 29, 15), (1.0, 1.0, 2.0))
    worlds = grid.to_world(np.array(middles, np.float64))
    gaps = np.linalg.norm(worlds[:, None] - worlds[None], axis=-1)
    assume((gaps + 99 * np.eye(len(worlds)) > 4 * SIGMA_MM / 1.5).all())
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    apart = np.stack(
        [np.linalg.norm(grid.to_world(index) - w, axis=-1) for w in worlds]
    )
    truth = np.where(apart.min(0) <= 5.0, apart.argmin(0) + 1, 0)
    assume(all(ndimage.label(truth == n + 1)[1] == 1 for n in range(len(worlds))))
    labels = label_map(np.where(truth > 0, TUMOUR, LIVER), geometry=grid)
    assert same_partition(told(labels, ideal_maps(truth, grid)), truth)


def test_maps_on_a_coarser_turned_grid_do_as_well():
    """The network's grid is its own: other voxels, other axes."""
    array = two_balls()
    labels = label_map(array, (1.0, 1.0, 2.0))
    grid = labels.geometry
    coarse = grid.permuted((1, 0, 2), (True, False, True)).with_shape((20, 32, 12))
    first, second = (
        ellipsoid(coarse, radius, centre)
        for radius, centre in ((9.0, (14.0, 14.0, 15.0)), (8.0, (29.0, 14.0, 15.0)))
    )
    maps = ideal_maps(np.where(first, 1, np.where(second, 2, 0)), coarse)
    found = medseg.separate_instances(labels, LEARNED, centres=maps)
    assert len(found.instances) == 2
    centres = [m.centre_ras_mm for m in medseg.measure_instances(found)]
    np.testing.assert_allclose(sorted(c[0] for c in centres), (14, 29), atol=1.5)


def test_of_two_centres_that_are_too_near_the_surer_one_counts():
    grid = medseg.Geometry.from_spacing((20, 9, 9), (1.0, 1.0, 1.0))
    heat = np.zeros(grid.shape, np.float16)
    heat[5, 4, 4], heat[8, 4, 4], heat[15, 4, 4] = 0.6, 0.9, 0.4
    maps = medseg.CentreMaps(
        heat=heat,
        offsets_mm=np.zeros((3, *grid.shape), np.float16),
        geometry=grid,
        things=("tumour",),
        sigma_mm=SIGMA_MM,
    )

    def centres(**options) -> list[float]:
        return sorted(found_centres(maps, LearnedCentres(**options)).ras_mm[:, 0])

    assert centres() == [8.0, 15.0]
    assert centres(apart_mm=2.0) == [5.0, 8.0, 15.0]
    assert centres(apart_mm=50.0) == [8.0]
    assert centres(least_heat=0.5) == [8.0]
    assert centres(least_heat=0.95) == []


def test_a_lesion_without_a_centre_stays_one():
    labels = label_map(two_balls(), (1.0, 1.0, 2.0))
    nothing = ideal_maps(np.zeros(labels.array.shape, int), labels.geometry)
    assert told(labels, nothing).max() == 1


def test_what_is_cut_off_from_its_lesion_goes_to_the_one_beside_it():
    """Voxels at the far end whose offsets lead to the other ball's centre."""
    array = two_balls()
    labels = label_map(array, (1.0, 1.0, 2.0))
    truth = np.where(array > 0, 1 + (np.indices(array.shape)[0] >= 22), 0)
    maps = ideal_maps(truth, labels.geometry)
    offsets = maps.offsets_mm.copy()
    offsets[0, 33:36] -= 15  # wrong for a slice of the second ball
    wrong = medseg.CentreMaps(
        heat=maps.heat,
        offsets_mm=offsets,
        geometry=maps.geometry,
        things=maps.things,
        sigma_mm=SIGMA_MM,
    )
    found = told(labels, wrong)
    assert found.max() == 2
    assert all(ndimage.label(found == n, np.ones((3, 3, 3)))[1] == 1 for n in (1, 2))


def test_structures_that_were_not_learned_stay_in_their_pieces():
    array = two_balls()
    labels = label_map(np.where(array > 0, CYST, 0), (1.0, 1.0, 2.0))
    truth = np.where(array > 0, 1 + (np.indices(array.shape)[0] >= 22), 0)
    found = medseg.separate_instances(
        labels, LEARNED, centres=ideal_maps(truth, labels.geometry)
    )
    assert len(found.instances) == 1
    assert "cyst: 1 instances (connected pieces)" in found.notes


def test_a_label_map_alone_says_nothing_of_centres():
    with pytest.raises(medseg.WrongUse, match="centres") as caught:
        medseg.separate_instances(label_map(two_balls()), LEARNED)
    assert caught.value.code is medseg.ErrorCode.INVALID_OPTION


@pytest.mark.parametrize("options", [{"least_heat": 0.0}, {"apart_mm": 0.0}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(medseg.WrongUse):
        LearnedCentres(**options)


def test_maps_of_differing_shapes_are_refused():
    grid = medseg.Geometry.from_spacing((4, 4, 5), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="differ"):
        medseg.CentreMaps(
            heat=np.zeros((4, 4, 4), np.float16),
            offsets_mm=np.zeros((3, 4, 4, 4), np.float16),
            geometry=grid,
            things=("tumour",),
            sigma_mm=1.0,
        )
