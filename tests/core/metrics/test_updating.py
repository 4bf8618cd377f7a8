from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import medseg

LABELS = medseg.LabelSet.from_names([(1, "liver"), (2, "liver tumour"), (3, "spleen")])
SHAPE = (9, 10, 11)
SPACING_MM = (2.0, 1.0, 1.5)


def label_map(array):
    geometry = medseg.Geometry.from_spacing(SHAPE, SPACING_MM, (5.0, -3.0, 8.0))
    return medseg.Segmentation(array=array, geometry=geometry, labels=LABELS)


def blocks(rng):
    array = np.zeros(SHAPE, np.uint8)
    for label in (1, 2, 3):
        start = rng.integers(0, 7, 3)
        size = rng.integers(1, 6, 3)
        array[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))] = label
    return array


def numbers(scores):
    rows = [asdict(row) for row in scores.rows]
    return [[v for v in row.values() if isinstance(v, float)] for row in rows]


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([None, 2.0]))
def test_scores_updated_after_an_edit_are_those_computed_anew(seed, tolerance_mm):
    rng = np.random.default_rng(seed)
    before, reference, after = (blocks(rng) for _ in range(3))
    kept = int(rng.integers(1, 4))  # a structure that the edit leaves alone
    after[after == kept] = 0
    after[before == kept] = kept
    changed = before != after
    edited = {int(n) for n in (*before[changed], *after[changed])} - {0}
    scan = medseg.Volume(
        array=rng.normal(0, 50, (1, *SHAPE)).astype(np.float32),
        geometry=label_map(after).geometry,
        channels=("CT",),
    )
    truth = label_map(reference)
    old = medseg.score(label_map(before), truth, scan, tolerance_mm=tolerance_mm)

    updated = medseg.update_scores(
        old, label_map(after), truth, edited, scan, tolerance_mm=tolerance_mm
    )

    anew = medseg.score(label_map(after), truth, scan, tolerance_mm=tolerance_mm)
    assert [row.structure for row in updated.rows] == list(LABELS.names)
    assert [row.state for row in updated.rows] == [row.state for row in anew.rows]
    for mine, theirs in zip(numbers(updated), numbers(anew), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-9)
    assert [each.detections for each in updated.lesions] == [
        each.detections for each in anew.lesions
    ]
    for mine, theirs in zip(
        updated.lesions[0].lesions, anew.lesions[0].lesions, strict=True
    ):
        assert mine.centre_ras_mm == pytest.approx(theirs.centre_ras_mm)


def test_a_structure_painted_for_the_first_time_gets_a_row():
    liver = np.zeros(SHAPE, np.uint8)
    liver[2:6, 2:6, 2:6] = 1
    reference = replace(
        label_map(liver), labels=medseg.LabelSet.from_names([(1, "liver")])
    )
    painted = liver.copy()
    painted[7, 7, 7] = 3
    old = medseg.score(label_map(liver), reference)

    updated = medseg.update_scores(old, label_map(painted), reference, {3})

    assert [row.structure for row in updated.rows] == ["liver", "spleen"]
    assert updated["spleen"].dice == 0
    removed = medseg.update_scores(updated, label_map(liver), reference, {3})
    assert [row.structure for row in removed.rows] == ["liver"]


def test_what_is_painted_where_nothing_was_gets_the_diagonal_of_the_whole_image():
    nothing = medseg.LabelSet(())
    empty = replace(label_map(np.zeros(SHAPE, np.uint8)), labels=nothing)
    painted = np.zeros(SHAPE, np.uint8)
    painted[4, 4, 4] = 1
    old = medseg.score(empty, empty)

    updated = medseg.update_scores(old, label_map(painted), empty, {1})

    anew = medseg.score(label_map(painted), empty)
    assert updated["liver"].diagonal_mm == anew["liver"].diagonal_mm
