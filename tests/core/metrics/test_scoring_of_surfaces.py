"""Surface measures in the scores of a case: tolerances, states, aggregates."""

import nibabel
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

import medseg
from medseg import ErrorCode, Geometry, LabelSet, UnusableInput, WrongUse
from medseg.core.metric import METRICS, WhenMissed
from medseg.core.scores import structure_means
from medseg.core.structure_score import MaskState
from tests.core.making import segmentation_of

ORGANS = LabelSet.from_names([(1, "liver"), (2, "spleen")])
GRID = Geometry.from_spacing((20, 20, 20), (1.5, 1.0, 2.0))


def scored(prediction, reference, tolerance_mm=None):
    """Rows by the name of the structure."""
    rows = medseg.score(prediction, reference, tolerance_mm=tolerance_mm).rows
    return {row.structure: row for row in rows}


def organs(**corners) -> medseg.Segmentation:
    """Cubes of 6 voxels, by name of the structure and first voxel along each axis."""
    array = np.zeros(GRID.shape, np.uint8)
    for name, start in corners.items():
        array[tuple(slice(first, first + 6) for first in start)] = ORGANS[name].id
    return segmentation_of(array, GRID, ORGANS)


HERE = organs(liver=(2, 2, 2), spleen=(12, 12, 12))
SHIFTED = organs(liver=(4, 2, 2), spleen=(12, 12, 12))


def test_a_shifted_cube_has_the_scores_of_geometry():
    liver = scored(SHIFTED, HERE, 3.0)["liver"]
    assert liver.hd_mm == liver.hd95_mm == pytest.approx(3.0)
    assert 0 < liver.masd_mm < liver.hd_mm
    assert liver.centroid_distance_mm == pytest.approx(3.0)
    assert liver.nsd == 1
    assert liver.precision == liver.recall == pytest.approx(2 / 3)
    assert liver.volume_difference_ml == liver.volume_difference_percent == 0
    assert liver.tolerance_mm == 3.0
    assert liver.diagonal_mm == pytest.approx(
        np.linalg.norm(19 * np.array(GRID.spacing_mm))
    )


def test_volumes_differ_by_what_was_added():
    more = SHIFTED.array.copy()
    more[4:10, 8, 2:8] = 1
    liver = medseg.score(segmentation_of(more, GRID, ORGANS), HERE)["liver"]
    assert liver.volume_difference_ml == pytest.approx(36 * 3.0 / 1000)
    assert liver.volume_difference_percent == pytest.approx(100 / 6)


def test_without_a_tolerance_there_is_neither_nsd_nor_boundary_iou():
    for row in medseg.score(SHIFTED, HERE).rows:
        assert row.nsd is row.boundary_iou is row.tolerance_mm is None
        assert row.hd95_mm is not None


def test_each_structure_may_have_its_own_tolerance():
    scores = scored(SHIFTED, HERE, {"liver": 1.0})
    assert scores["liver"].tolerance_mm == 1.0
    assert scores["liver"].nsd < 1
    assert scores["spleen"].nsd is scores["spleen"].tolerance_mm is None


@pytest.mark.parametrize(
    "tolerance_mm",
    [0.0, -1.0, float("nan"), float("inf"), {"kidney": 1.0}, {"liver": 0.0}],
)
def test_a_tolerance_that_makes_no_sense_is_refused(tolerance_mm):
    with pytest.raises(WrongUse) as refusal:
        medseg.score(HERE, HERE, tolerance_mm=tolerance_mm)
    assert refusal.value.code is ErrorCode.INVALID_OPTION


def test_axes_that_are_not_at_right_angles_are_refused():
    affine = np.diag([1.5, 1.0, 2.0, 1.0])
    affine[0, 1] = 0.1
    sheared = segmentation_of(HERE.array, Geometry(GRID.shape, affine), ORGANS)
    with pytest.raises(UnusableInput) as refusal:
        medseg.score(sheared, sheared)
    assert refusal.value.code is ErrorCode.SHEARED_AFFINE


def test_where_the_scan_lies_in_the_patient_does_not_matter():
    """Turned, mirrored and tilted axes have the same distances."""
    angle = np.radians(25)
    turn = np.array(
        [
            [np.cos(angle), -np.sin(angle), 0],
            [np.sin(angle), np.cos(angle), 0],
            [0, 0, -1],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn * GRID.spacing_mm
    tilted = Geometry(GRID.shape, affine)
    moved, still = (
        segmentation_of(each.array, tilted, ORGANS) for each in (SHIFTED, HERE)
    )
    plain, other = (
        scored(SHIFTED, HERE, 2.0)["liver"],
        scored(moved, still, 2.0)["liver"],
    )
    for metric in METRICS:
        assert plain.value(metric) == pytest.approx(other.value(metric)), metric.name


def test_lesions_are_scored_for_structures_that_are_things():
    labels = LabelSet.from_names([(1, "liver"), (2, "liver tumour")])
    both = segmentation_of(HERE.array, GRID, labels)
    (lesions,) = medseg.score(both, both).lesions
    assert (lesions.structure, lesions.label) == ("liver tumour", 2)
    assert medseg.score(HERE, HERE).lesions == ()


NOTHING, ONE_LIVER = organs(), organs(liver=(2, 2, 2))
NO_OVERLAP = {"dice": 0, "iou": 0, "nsd": 0, "boundary_iou": 0}
LIVER_ML = 216 * 3 / 1000
EMPTY_MASKS = [
    (
        (NOTHING, ONE_LIVER),
        MaskState.PREDICTION_EMPTY,
        {
            **NO_OVERLAP,
            "recall": 0,
            "volume_difference_ml": -LIVER_ML,
            "volume_difference_percent": -100,
        },
    ),
    (
        (ONE_LIVER, NOTHING),
        MaskState.REFERENCE_EMPTY,
        {**NO_OVERLAP, "precision": 0, "volume_difference_ml": LIVER_ML},
    ),
    ((NOTHING, NOTHING), MaskState.BOTH_EMPTY, {}),
]


@pytest.mark.parametrize(("pair", "state", "values"), EMPTY_MASKS)
def test_an_empty_mask_has_no_distance_and_no_number_stands_for_it(pair, state, values):
    """seg-metrics gives a miss an HD95 of 0; MONAI gives NaN, infinity or 0."""
    prediction, reference = pair
    liver = scored(prediction, reference, 2.0)["liver"]
    measured = {metric.name: liver.value(metric) for metric in METRICS}
    assert liver.state is state
    assert liver.tolerance_mm == 2.0
    assert {name: value for name, value in measured.items() if value is not None} == (
        pytest.approx(values)
    )


def liver_mean(pairs, metric, rule=WhenMissed.DIAGONAL):
    cases = [medseg.score(*pair, tolerance_mm=2.0) for pair in pairs]
    return structure_means(cases, rule)[0][metric]


def test_a_missed_organ_does_not_drop_out_of_the_mean_of_hd95():
    """MONAI's HD95 of it is NaN and leaves 4 good cases of 5."""
    missed = organs(), organs(liver=(2, 2, 2))
    mean = liver_mean([(SHIFTED, HERE)] * 4 + [missed], "hd95_mm")
    diagonal_mm = np.linalg.norm(19 * np.array(GRID.spacing_mm))
    assert (mean.n, mean.imputed) == (5, 1)
    assert mean.value == pytest.approx((4 * 3.0 + diagonal_mm) / 5)
    left_out = liver_mean(
        [(SHIFTED, HERE)] * 4 + [missed], "hd95_mm", WhenMissed.LEAVE_OUT
    )
    assert (left_out.n, left_out.imputed) == (4, 0)
    assert left_out.value == pytest.approx(3.0)


def test_false_positives_are_counted_and_true_negatives_are_not_averaged_in():
    """MONAI's mean Dice is 0.833 of 5 without the false positives, or 0.617 of 10 with
    a 1 for each true negative.
    """
    good = [(SHIFTED, HERE)] * 5
    spurious = [(ONE_LIVER, NOTHING)] * 3
    absent = [(NOTHING, NOTHING)] * 2
    cases = [medseg.score(*pair) for pair in good + spurious + absent]
    liver = structure_means(cases)[0]
    assert (liver.n, liver.spurious, liver.absent) == (8, 3, 2)
    assert liver.dice == pytest.approx(5 * (2 / 3) / 8)


def test_structures_are_averaged_over_cases_first():
    """MONAI averages the structures of each case first: 0.75 and not 0.833 here."""
    only_liver = organs(liver=(2, 2, 2))
    no_spleen = organs(liver=(2, 2, 2), spleen=(2, 12, 12))
    both = organs(liver=(2, 2, 2), spleen=(12, 12, 12))
    pairs = (only_liver, only_liver), (no_spleen, both)
    cases = [medseg.score(*pair) for pair in pairs]
    liver, spleen = structure_means(cases)
    assert (liver.dice, liver.n) == (1, 2)
    assert (spleen.dice, spleen.n) == (0, 1)


def test_interior_voxels_do_not_dilute_the_percentile():
    """MetricsReloaded's percentile once counted them."""
    inner = np.zeros((40, 40, 40), np.uint8)
    inner[10:30, 10:30, 10:30] = 1
    outer = inner.copy()
    outer[30:36, 10:30, 10:30] = 1
    grid = Geometry.from_spacing(inner.shape, (1.0, 1.0, 1.0))
    prediction, reference = (
        segmentation_of(each, grid, ORGANS) for each in (outer, inner)
    )
    assert medseg.score(prediction, reference)["liver"].hd95_mm == pytest.approx(6.0)


def test_a_tilted_grid_of_a_file_has_the_scores_of_a_straight_one(tmp_path):
    """32-bit affines make 1 mm a little more; two voxels are still within 2 mm."""
    reference = np.zeros((16, 16, 16), np.uint8)
    reference[4:10, 4:10, 4:10] = 1
    prediction = np.roll(reference, 2, axis=1)
    turn = Rotation.from_euler("xyz", (11, 7, 23), degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn
    for name, array in (("prediction", prediction), ("reference", reference)):
        stored = nibabel.nifti1.Nifti1Image(array, affine)
        stored.to_filename(tmp_path / f"{name}.nii.gz")
    tilted = medseg.score(
        medseg.read_segmentation(tmp_path / "prediction.nii.gz"),
        medseg.read_segmentation(tmp_path / "reference.nii.gz"),
        tolerance_mm=2.0,
    ).rows[0]
    assert tilted.nsd == 1.0
    wanted = brute_rims(prediction == 1, reference == 1, 2)
    assert tilted.boundary_iou == pytest.approx(wanted)


def brute_rims(prediction, reference, tolerance) -> float:
    """IoU of the voxels nearer than the tolerance to their own border, on 1 mm."""
    rims = []
    for mask in (prediction, reference):
        border = mask & ~ndimage.binary_erosion(mask)
        rims.append(mask & (ndimage.distance_transform_edt(~border) < tolerance))
    return float((rims[0] & rims[1]).sum() / (rims[0] | rims[1]).sum())
