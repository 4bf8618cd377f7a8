import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import linear_sum_assignment

import medseg
from medseg.instances import instance_boxes, separate_instances, with_confidence
from medseg.study.statistics.instance_froc import instance_froc, instance_frocs
from tests.core.instances.scenes import CYST, LIVER, TUMOUR, label_map
from tests.core.making import ORIENTATIONS, turned_geometry

NAMES = ("background", "liver", "spleen", "tumour", "cyst")


def row(*labels) -> np.ndarray:
    return np.array(labels).reshape(-1, 1, 1)


def sure(labels, tumour, cyst=None) -> medseg.Panoptic:
    """Lesions in a row of voxels, with the probability of each voxel."""
    told = separate_instances(label_map(row(*labels)))
    array = np.zeros((5, len(labels), 1, 1), np.float16)
    array[3, :, 0, 0] = tumour
    array[4, :, 0, 0] = 0 if cyst is None else cyst
    shares = medseg.Volume(array=array, geometry=told.geometry, channels=NAMES)
    return with_confidence(told, shares)


def test_confidence_is_the_mean_probability_of_the_structure_in_the_lesion():
    told = sure(
        [TUMOUR, TUMOUR, LIVER, TUMOUR, CYST],
        [0.5, 1.0, 1.0, 0.75, 1.0],
        [0.0, 0.0, 0.0, 0.0, 0.25],
    )

    assert [each.confidence for each in told.instances] == [0.75, 0.75, 0.25]


def test_probabilities_of_other_structures_are_refused():
    told = separate_instances(label_map(row(TUMOUR)))
    shares = medseg.Volume(array=np.zeros((1, 1, 1, 1)), geometry=told.geometry)

    with pytest.raises(medseg.UnusableInput, match=r"CHANNEL_MISMATCH.*'tumour'"):
        with_confidence(told, shares)


@settings(max_examples=15)
@given(
    orientation=st.sampled_from(ORIENTATIONS),
    tilt_deg=st.floats(0.0, 30.0),
    start=st.tuples(*[st.integers(0, 3)] * 3),
    size=st.tuples(*[st.integers(1, 4)] * 3),
)
def test_a_box_holds_its_lesion_to_the_outside_of_its_voxels(
    orientation, tilt_deg, start, size
):
    axes, flipped = orientation
    spacing_mm = (0.7, 1.1, 2.0)
    geometry = turned_geometry((8, 8, 8), spacing_mm, axes, flipped, tilt_deg)
    array = np.zeros((8, 8, 8), int)
    array[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = TUMOUR

    boxes = instance_boxes(separate_instances(label_map(array, geometry=geometry)))

    (only,) = boxes.boxes
    assert (only.box.start, only.box.shape) == (start, size)
    corners = boxes.corners_ras_mm(only)
    lengths_mm = np.array(size) * geometry.spacing_mm
    assert_allclose(
        corners.mean(axis=0),
        geometry.to_world(np.add(start, np.subtract(size, 1) / 2)),
        atol=1e-9,
    )
    assert np.linalg.norm(corners[7] - corners[0]) == pytest.approx(
        float(np.linalg.norm(lengths_mm))
    )
    assert np.linalg.norm(corners[1] - corners[0]) == pytest.approx(lengths_mm[2])


def test_boxes_come_back_from_their_file(tmp_path):
    told = sure([TUMOUR, 0, CYST, CYST], [0.5, 0, 0, 0], [0, 0, 0.125, 0.25])
    boxes = instance_boxes(told)

    medseg.write_boxes(boxes, tmp_path / "boxes.json")

    back = medseg.read_boxes(tmp_path / "boxes.json")
    assert back.boxes == boxes.boxes
    assert back.case_id == boxes.case_id
    assert back.geometry.is_same_grid(boxes.geometry)
    with pytest.raises(medseg.WrongUse, match="OUTPUT_EXISTS"):
        medseg.write_boxes(boxes, tmp_path / "boxes.json")


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"instances": [{"number": 1}]},
        {"shape": [1, 2]},
        {"affine_ras_mm": [[1]]},
    ],
)
def test_a_damaged_file_of_boxes_is_one_line(tmp_path, change):
    path = tmp_path / "boxes.json"
    medseg.write_boxes(instance_boxes(sure([TUMOUR], [0.5])), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(medseg.UnusableInput, match="NOT_A_LABEL_MAP"):
        medseg.read_boxes(path)
    path.write_text("[]")
    with pytest.raises(medseg.UnusableInput, match="NOT_A_LABEL_MAP"):
        medseg.read_boxes(path)
    with pytest.raises(medseg.UnusableInput, match="NOT_FOUND"):
        medseg.read_boxes(tmp_path / "none.json")


def test_froc_over_two_cases_by_hand():
    first = sure([TUMOUR, 0, TUMOUR, 0, 0], [0.75, 0, 0.5, 0, 0])  # found, spurious
    second = sure([TUMOUR, 0, 0, CYST, CYST], [0.25, 0, 0, 0, 0], [0, 0, 0, 1, 1])
    wanted = separate_instances(
        label_map(row(TUMOUR, 0, 0, 0, TUMOUR))
    )  # one is missed

    found = instance_froc([(first, wanted), (second, wanted)], "tumour")

    assert_array_equal(found.confidence, [0.75, 0.5, 0.25])
    assert_array_equal(found.false_positives_per_case, [0, 0.5, 0.5])
    assert_array_equal(found.sensitivity, [0.25, 0.25, 0.5])


def test_froc_asks_for_confidences_and_lesions():
    told = separate_instances(label_map(row(TUMOUR, 0)))
    nothing = separate_instances(label_map(row(0, 0)))

    with pytest.raises(medseg.WrongUse, match="no confidence"):
        instance_froc([(told, told)], "tumour")
    with pytest.raises(medseg.WrongUse, match="no reference holds a lesion"):
        instance_froc([(nothing, nothing)], "tumour")


def test_a_sure_lesion_is_found_although_a_less_sure_one_fits_better():
    """At 0.75 the second is not there yet; at 0.5 it is a second one on the lesion."""
    predicted = sure([0, TUMOUR, 0, TUMOUR, TUMOUR], [0, 0.75, 0, 0.5, 0.5])
    wanted = separate_instances(label_map(row(0, TUMOUR, TUMOUR, TUMOUR, TUMOUR)))

    found = instance_froc([(predicted, wanted)], "tumour")

    assert_array_equal(found.confidence, [0.75, 0.5])
    assert_array_equal(found.sensitivity, [1, 1])
    assert_array_equal(found.false_positives_per_case, [0, 1])


def most_matches(predicted, wanted, kept: np.ndarray) -> int:
    """By the Hungarian method, of the predicted lesions that are kept."""
    shared = np.array(
        [
            [(predicted.mask(a) & wanted.mask(b)).any() for b in wanted.instances]
            for a, is_kept in zip(predicted.instances, kept, strict=True)
            if is_kept
        ]
    ).reshape(int(kept.sum()), len(wanted.instances))
    chosen = linear_sum_assignment(shared, maximize=True)
    return int(shared[chosen].sum())


@settings(max_examples=40)
@given(
    maps=st.tuples(*[st.lists(st.booleans(), min_size=24, max_size=24)] * 2),
    seed=st.integers(0, 999),
)
def test_at_each_confidence_as_many_are_found_as_can_be_matched(maps, seed):
    predicted, wanted = (
        separate_instances(label_map(row(*np.where(each, TUMOUR, 0)))) for each in maps
    )
    if not wanted.instances:
        return
    draws = np.random.default_rng(seed).integers(0, 4, len(predicted.instances)) / 4
    both = zip(predicted.instances, draws.tolist(), strict=True)
    told = replace(
        predicted, instances=tuple(replace(e, confidence=sure) for e, sure in both)
    )

    found = instance_froc([(told, wanted)], "tumour")

    assert_array_equal(found.confidence, np.unique(draws)[::-1])
    for at, sensitivity, spurious in zip(
        found.confidence,
        found.sensitivity,
        found.false_positives_per_case,
        strict=True,
    ):
        matches = most_matches(predicted, wanted, draws >= at)
        assert sensitivity * len(wanted.instances) == pytest.approx(matches)
        assert spurious == np.count_nonzero(draws >= at) - matches


def test_a_case_that_does_not_name_the_structure_has_none_of_it():
    wanted = separate_instances(label_map(row(TUMOUR, 0)))
    clean = replace(
        label_map(row(LIVER, 0)), labels=medseg.LabelSet.from_names([(LIVER, "liver")])
    )
    healthy = replace(separate_instances(clean), instances=())
    found = instance_froc(
        [(sure([TUMOUR, 0], [0.5, 0]), wanted), (healthy, healthy)], "tumour"
    )

    assert (found.lesions, found.cases) == (1, 2)
    assert found.unnamed == ("scan",)
    assert_array_equal(found.sensitivity, [1])


def test_a_name_that_no_case_has_is_refused_with_those_there_are():
    told = sure([TUMOUR, 0], [0.5, 0])

    with pytest.raises(medseg.WrongUse, match=r"of 'tumor'.*cyst, liver, spleen, tum"):
        instance_froc([(told, told)], "tumor")
    with pytest.raises(medseg.WrongUse, match="told apart without 'liver'"):
        instance_froc([(told, told)], "liver")
    with pytest.raises(medseg.WrongUse, match="an IoU is 0 or more"):
        instance_froc([(told, told)], "tumour", iou_threshold=1.0)


def test_every_structure_with_a_lesion_has_a_curve():
    told = sure([TUMOUR, 0, CYST], [0.5, 0, 0], [0, 0, 0.75])
    only_cyst = separate_instances(label_map(row(0, 0, CYST)))

    curves = instance_frocs(iter([(told, only_cyst), (told, only_cyst)]))

    assert [each.structure for each in curves] == ["cyst"]
    assert (curves[0].lesions, curves[0].cases) == (2, 2)
