from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from medseg.core.instance_settings import (
    DistanceWatershed,
    InstanceRules,
    IntensityWatershed,
    Shade,
)
from medseg.core.lesions import Connectivity
from medseg.core.provenance import Provenance
from medseg.instances import counted, separate_instances
from medseg.phantom import make_touching_tumours
from tests.core.instances.scenes import CYST, LIVER, TUMOUR, label_map, two_balls

AT_NECKS = InstanceRules(split=DistanceWatershed())


def numbers_of(array, rules=InstanceRules()):  # noqa: B008 - it is frozen
    return separate_instances(label_map(np.array(array)), rules).instance_map


def test_pieces_are_numbered_by_structure_and_then_by_first_voxel():
    row = [[[CYST, 0, TUMOUR, 0, TUMOUR, 0, LIVER, CYST]]]

    assert_array_equal(numbers_of(row), [[[3, 0, 1, 0, 2, 0, 0, 4]]])


@pytest.mark.parametrize(
    ("connectivity", "count"),
    [(Connectivity.FACES, 3), (Connectivity.EDGES, 2), (Connectivity.CORNERS, 1)],
)
@pytest.mark.parametrize("split", [InstanceRules().split, DistanceWatershed()])
def test_connectivity_says_what_touches(connectivity, count, split):
    array = np.zeros((3, 3, 3), int)
    array[0, 0, 0] = array[0, 1, 1] = array[1, 2, 2] = TUMOUR  # an edge, then a corner

    rules = InstanceRules(connectivity=connectivity, split=split)

    assert numbers_of(array, rules).max() == count


def test_small_pieces_become_background_everywhere_and_it_is_noted():
    array = np.zeros((6, 1, 1), int)
    array[:3], array[4] = TUMOUR, TUMOUR
    array[5] = LIVER
    old = label_map(array, (1.0, 1.0, 2.0))

    told = separate_instances(old, InstanceRules(minimum_mm3=6.0))  # 3 voxels of 2 mm3

    assert told.instance_map.ravel().tolist() == [1, 1, 1, 0, 0, 0]
    assert told.segmentation.array.ravel().tolist() == [7, 7, 7, 0, 0, 2]
    assert old.array[4] == TUMOUR
    assert told.segmentation.notes == ("tumour: 1 below 6 mm3 left out",)
    assert told.notes == ("tumour: 1 instances (connected pieces)",)


def test_only_what_is_left_out_is_noted_in_the_provenance_of_the_label_map():
    made = Provenance(
        case_id="scan",
        input_sha256="",
        model="m",
        model_sha256="",
        versions=(),
        settings=(),
    )
    segmentation = medseg.Segmentation(
        array=two_balls().astype(np.uint8),
        geometry=label_map(two_balls()).geometry,
        labels=label_map(two_balls()).labels,
        provenance=made,
    )

    told = separate_instances(segmentation, AT_NECKS)
    none = separate_instances(segmentation, InstanceRules(minimum_mm3=1e6))

    assert told.notes == ("tumour: 2 instances (split at necks of 0.75 mm)",)
    assert told.segmentation.provenance == made
    assert none.segmentation.provenance is not None
    assert none.segmentation.provenance.notes == ("tumour: 1 below 1e+06 mm3 left out",)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 2.0), (1.0, 1.5, 1.0)])
def test_touching_balls_are_one_piece_and_two_by_distance(spacing_mm):
    segmentation = label_map(two_balls(spacing_mm, (48, 30, 30)), spacing_mm)

    assert len(separate_instances(segmentation).instances) == 1
    told = separate_instances(segmentation, AT_NECKS)
    assert len(told.instances) == 2
    assert told.instance_map[14, :, :].max() == 1
    assert set(np.unique(told.instance_map[29])) == {0, 2}


def test_what_a_watershed_parts_off_and_is_too_small_stays_with_its_neighbour():
    array = two_balls()
    voxels = int((array > 0).sum())
    segmentation = label_map(array, (1.0, 1.0, 2.0))
    whole = InstanceRules(minimum_mm3=0.6 * 2 * voxels, split=DistanceWatershed())

    told = separate_instances(segmentation, whole)

    assert len(told.instances) == 1
    assert_array_equal(told.segmentation.array, segmentation.array)


@pytest.mark.parametrize("shade", Shade)
def test_intensities_part_what_has_no_neck(shade):
    array = np.zeros((40, 12, 12), int)
    array[4:36, 3:9, 3:9] = TUMOUR  # a bar
    along = np.abs(np.cos(np.arange(40) * np.pi / 16))  # dips at 8 and 24, peak at 16
    sign = 1 if shade is Shade.DARK else -1
    values = np.broadcast_to(sign * 100 * along[:, None, None], array.shape)
    segmentation = label_map(array)
    scan = medseg.Volume(
        array=values[None].astype(np.float32), geometry=segmentation.geometry
    )
    split = IntensityWatershed(contrast=30.0, sigma_mm=1.0, shade=shade)

    assert len(separate_instances(segmentation, AT_NECKS).instances) == 1
    told = separate_instances(segmentation, InstanceRules(split=split), scan)

    ends = told.instance_map[[8, 14, 18, 24], 5, 5].tolist()
    assert ends == [1, 1, 2, 2]


def as_stored(phantom: medseg.Phantom) -> medseg.Segmentation:
    """Its truth with the grid that a file gives back: NIfTI holds it in float32."""
    grid = phantom.reference.geometry
    stored = grid.affine.astype(np.float32).astype(np.float64)
    return replace(phantom.reference, geometry=medseg.Geometry(grid.shape, stored))


@pytest.mark.parametrize("spacing_mm", [(2.2, 2.2, 2.2), (1.9, 1.9, 2.7)])
def test_lesions_are_split_alike_before_a_label_map_is_stored_and_after(spacing_mm):
    shape = (56, 52, 44)
    for seed in range(8):
        phantom = make_touching_tumours(seed, shape=shape, spacing_mm=spacing_mm)

        told = separate_instances(phantom.reference, AT_NECKS).instance_map
        again = separate_instances(as_stored(phantom), AT_NECKS).instance_map

        assert_array_equal(again, told)


def test_a_lesion_just_large_enough_is_so_before_it_is_stored_and_after():
    """Three voxels of 1.1 x 1.1 x 1.1 mm; float32 makes each a little larger."""
    array = np.array([TUMOUR] * 3).reshape(3, 1, 1)
    for spacing_mm in ((1.1,) * 3, (float(np.float32(1.1)),) * 3, (1.0999999,) * 3):
        rules = InstanceRules(minimum_mm3=3 * 1.1**3)

        told = separate_instances(label_map(array, spacing_mm), rules)

        assert len(told.instances) == 1


def test_an_intensity_watershed_without_a_scan_is_refused():
    rules = InstanceRules(split=IntensityWatershed())

    with pytest.raises(medseg.WrongUse, match=r"INVALID_OPTION.*--scan"):
        separate_instances(label_map(two_balls()), rules)


def test_a_scan_on_another_grid_is_refused():
    scan = medseg.Volume(
        array=np.zeros((1, 3, 3, 3)),
        geometry=medseg.Geometry.from_spacing((3, 3, 3), (1.0, 1.0, 1.0)),
    )

    with pytest.raises(medseg.UnusableInput, match="GRID_MISMATCH"):
        separate_instances(label_map(two_balls()), volume=scan)


def test_stuff_is_counted_only_where_it_is_asked_for():
    array = np.array([[[LIVER, 0, LIVER]]])

    assert separate_instances(label_map(array)).instances == ()
    told = separate_instances(counted(label_map(array), ["liver"]))
    assert [each.structure_id for each in told.instances] == [LIVER, LIVER]
    with pytest.raises(medseg.WrongUse, match="no structure 'lung'"):
        counted(label_map(array), ["lung"])


def test_more_lesions_than_numbers_are_refused():
    array = np.zeros((1, 512, 514), int)
    array[0, ::2, ::2] = TUMOUR

    with pytest.raises(medseg.UnusableInput, match=r"NOT_A_LABEL_MAP: 65792 lesions"):
        separate_instances(label_map(array))


@settings(max_examples=25)
@given(
    array=arrays(np.uint8, (4, 5, 6), elements=st.sampled_from([0, LIVER, TUMOUR])),
    connectivity=st.sampled_from(Connectivity),
)
def test_pieces_are_those_of_scipy(array, connectivity):
    told = separate_instances(
        label_map(array), InstanceRules(connectivity=connectivity)
    )

    structure = ndimage.generate_binary_structure(
        3, list(Connectivity).index(connectivity) + 1
    )
    theirs, count = ndimage.label(array == TUMOUR, structure)
    assert len(told.instances) == count
    pairs = np.unique(np.stack([told.instance_map.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == count + 1 if (array != TUMOUR).any() else count
    firsts = [np.flatnonzero(told.instance_map == n + 1)[0] for n in range(count)]
    assert firsts == sorted(firsts)


@settings(max_examples=15)
@given(
    array=arrays(np.uint8, (5, 6, 4), elements=st.sampled_from([0, TUMOUR, CYST])),
    connectivity=st.sampled_from(Connectivity),
)
def test_a_watershed_only_divides_pieces(array, connectivity):
    rules = InstanceRules(
        connectivity=connectivity, split=DistanceWatershed(neck_mm=0.1)
    )

    told = separate_instances(label_map(array), rules)
    whole = separate_instances(
        label_map(array), InstanceRules(connectivity=connectivity)
    )

    for instance in told.instances:
        assert len(np.unique(whole.instance_map[told.mask(instance)])) == 1
    assert_array_equal(told.instance_map > 0, array > 0)


def test_pieces_miscount_touching_tumours_and_a_distance_watershed_counts_them():
    right = dict.fromkeys(("pieces", "distance"), 0)
    for seed in range(50):
        phantom = make_touching_tumours(seed)
        count = int(phantom.tumours.max())
        pieces = separate_instances(phantom.reference)
        apart = separate_instances(phantom.reference, AT_NECKS)
        right["pieces"] += len(pieces.instances) == count
        right["distance"] += len(apart.instances) == count

    assert right["pieces"] == 0
    assert right["distance"] >= 45


def test_the_work_tells_how_far_it_is_and_can_be_stopped():
    array = np.zeros((9, 3, 3), int)
    array[::2, 1, 1] = TUMOUR
    seen: list[medseg.Progress] = []
    rules = InstanceRules(split=DistanceWatershed())

    separate_instances(label_map(array), rules, on_progress=seen.append)

    assert [each.done for each in seen] == [0, 0, 1, 2, 3, 4, 5]
    assert seen[-1].stage == "separating lesions (tumour)"

    def stop(progress):
        if progress.done == 2:
            raise medseg.Cancelled

    with pytest.raises(medseg.Cancelled):
        separate_instances(label_map(array), rules, on_progress=stop)
    with pytest.raises(medseg.Cancelled):
        medseg.measure_instances(separate_instances(label_map(array)), on_progress=stop)
