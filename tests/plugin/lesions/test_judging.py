"""Lesions compared with a reference whose names, numbers or files differ."""

from dataclasses import replace

import numpy as np
import pytest

import medseg
from napari_medseg.layers.evidence import VoxelConfidence
from napari_medseg.layers.placement import Placement
from napari_medseg.lesions.choice import Choice
from napari_medseg.lesions.contents import Wanted, told_apart
from napari_medseg.lesions.judging import Judged, Reference, judged
from tests.plugin.scans import LABELS

LIVER, TUMOUR = 1, 2
ONE, OTHER = slice(2, 5), slice(8, 12)
FOUND, MISSED, FALSE = medseg.Finding.FOUND, medseg.Finding.MISSED, medseg.Finding.FALSE


def label_map(labels=LABELS, **places) -> medseg.Segmentation:
    """Lesions and organs in a row of 16 voxels by 3 by 3."""
    array = np.zeros((16, 3, 3), np.uint8)
    for where, label in ((ONE, "one"), (OTHER, "other")):
        array[where] = places.get(label, 0)
    grid = medseg.Geometry.from_spacing(array.shape, (1.0, 1.0, 1.0))
    return medseg.Segmentation(array=array, geometry=grid, labels=labels, case_id="c")


def reference_of(segmentation, file=None) -> Reference:
    shown = Placement.of(segmentation.geometry)
    return Reference(segmentation=segmentation, shown=shown, file=file)


def compared(prediction, reference, counted=("liver tumour",), **more) -> Judged:
    split = more.pop("split", medseg.Components())
    choice = Choice(counted=frozenset(counted), rules=medseg.InstanceRules(split=split))
    scan = more.pop("scan", None)
    wanted = Wanted(segmentation=prediction, scan=scan, choice=choice, **more)
    lesions = told_apart(wanted, lambda _step: None)
    return judged(lesions, reference, lambda _step: None)


def findings(made: Judged) -> list[medseg.Finding]:
    return [each.finding for each in made.matches]


def sure_of(segmentation, tumour=0.5) -> VoxelConfidence:
    shape = (2, *segmentation.array.shape)
    shares = medseg.Volume(
        array=np.full(shape, tumour, np.float16),
        geometry=segmentation.geometry,
        channels=segmentation.labels.names,
    )
    return VoxelConfidence.of(segmentation, shares)


def named(**names: str) -> medseg.LabelSet:
    return medseg.LabelSet(
        tuple(replace(e, name=names.get(f"n{e.id}", e.name)) for e in LABELS)
    )


def test_froc_takes_the_number_where_names_are_spelt_otherwise():
    both = label_map(one=TUMOUR, other=TUMOUR)
    theirs = replace(both, labels=named(n2="tumor"))

    made = compared(both, reference_of(theirs), confidence=sure_of(both))

    assert findings(made) == [FOUND, FOUND]
    (curve,) = made.curves
    assert curve.structure == "liver tumour"
    assert curve.sensitivity_at(1.0) == 1.0
    assert "tumor" in made.mind


def test_lesions_that_a_file_numbers_but_nobody_counts_are_left_out(tmp_path):
    scene = label_map(one=LIVER, other=TUMOUR)
    path = tmp_path / "truth.nii.gz"
    counting = medseg.counted(scene, ["liver", "liver tumour"])
    medseg.write_panoptic(medseg.separate_instances(counting), path)

    made = compared(scene, reference_of(medseg.read_segmentation(path), path))

    assert findings(made) == [FOUND]
    assert made.scores["liver"].kind is medseg.StructureKind.STUFF
    assert [row.pq for row in made.scores.rows] == [1.0, 1.0]
    assert not made.mind


def test_what_a_file_does_not_number_is_told_apart_and_that_is_said(tmp_path):
    scene = label_map(one=LIVER, other=TUMOUR)
    path = tmp_path / "truth.nii.gz"
    medseg.write_panoptic(medseg.separate_instances(scene), path)
    both = ("liver", "liver tumour")

    made = compared(scene, reference_of(medseg.read_segmentation(path), path), both)

    assert findings(made) == [FOUND, FOUND]
    assert "does not number all" in made.mind


def test_a_file_of_lesions_that_is_gone_does_not_stop_the_scores(tmp_path):
    scene = label_map(one=TUMOUR, other=TUMOUR)
    path = tmp_path / "truth.nii.gz"
    medseg.write_panoptic(medseg.separate_instances(scene), path)
    read = medseg.read_segmentation(path)
    medseg.instances_path(path).unlink()

    made = compared(label_map(one=TUMOUR), reference_of(read, path))

    assert findings(made) == [FOUND, MISSED]
    assert "cannot be read" in made.mind


def test_a_structure_that_nothing_is_known_of_takes_no_curve_from_the_others():
    scene = label_map(one=LIVER, other=TUMOUR)
    both = ("liver", "liver tumour")

    made = compared(scene, reference_of(scene), both, confidence=sure_of(scene))

    assert [curve.structure for curve in made.curves] == ["liver tumour"]
    assert made.why_no_curve == "No confidence is known of liver."
    assert made.picture


@pytest.mark.parametrize(("depth", "parts"), [(100.0, 2), (0.0, 1)])
def test_the_reference_is_parted_by_the_scan_that_parted_the_lesions(depth, parts):
    """A valley of `depth` in the middle of a rod; both maps hold the same rod."""
    array = np.zeros((16, 3, 3), np.uint8)
    array[2:] = TUMOUR
    rod = replace(label_map(), array=array)
    bright = 200.0 - depth * (np.abs(np.arange(16) - 8.5) < 2)
    scan = medseg.Volume(
        array=np.broadcast_to(bright[:, None, None], (1, 16, 3, 3)).astype(np.float32),
        geometry=rod.geometry,
    )
    split = medseg.IntensityWatershed(contrast=20.0, sigma_mm=0.5)

    made = compared(rod, reference_of(rod), scan=scan, split=split)

    assert findings(made) == [FOUND] * parts


def test_a_lesion_in_one_map_only_is_false_or_missed():
    made = compared(label_map(one=TUMOUR), reference_of(label_map(other=TUMOUR)))
    assert findings(made) == [FALSE, MISSED]
