"""DICOM output says what kind of method made it, and whether a person helped.

Codes are those of DICOM PS3.16, CID 7162.
"""

import json
from dataclasses import replace

import numpy as np
import pydicom
import pytest

import medseg
from medseg import SegmentationFormat, classical
from tests.core.io.studies import LABELS, MADE, completed, random_labels

ARTIFICIAL_INTELLIGENCE = "123110"
AUTOMATIC, WITH_HELP = "AUTOMATIC", "SEMIAUTOMATIC"


@pytest.fixture
def scan(make_slices, save_slices):
    return medseg.read_volume(save_slices(completed(make_slices())))


def middle(scan):
    centre = np.array(scan.geometry.shape) // 2
    return tuple(scan.geometry.to_world(centre).tolist())


def marked(scan):
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[0], array[-1] = 1, 2
    names = medseg.LabelSet.from_names([(1, "one"), (2, "other")])
    return medseg.Segmentation(array=array, geometry=scan.geometry, labels=names)


def grown(scan):
    return classical.grow_by_confidence(scan, middle(scan))


def flooded(scan):
    return classical.watershed_from_markers(scan, marked(scan))


METHODS = [
    (classical.otsu, "123105", AUTOMATIC),
    (classical.kmeans, "123107", AUTOMATIC),
    (classical.gradient_edges, "123103", AUTOMATIC),
    (classical.body_mask, "123104", AUTOMATIC),
    (grown, "123101", WITH_HELP),
    (flooded, "123104", WITH_HELP),
]


def told(result, scan, path):
    """Code of the family, and type, of a segment written as DICOM-SEG."""
    medseg.write_segmentation(result, path, source=scan)
    segment = pydicom.dcmread(path).SegmentSequence[0]
    algorithm = segment.SegmentationAlgorithmIdentificationSequence[0]
    family = algorithm.AlgorithmFamilyCodeSequence[0]
    return family.CodeValue, segment.SegmentAlgorithmType


@pytest.mark.parametrize(("method", "family", "kind"), METHODS)
def test_a_classical_method_is_no_artificial_intelligence(
    scan, tmp_path, method, family, kind
):
    assert told(method(scan), scan, tmp_path / "a.dcm") == (family, kind)


def test_a_model_is_artificial_intelligence_until_a_person_edits_it(scan, tmp_path):
    result = random_labels(scan, seed=1)
    edited = random_labels(scan, seed=1, made=replace(MADE, is_interactive=True))

    by_model = told(result, scan, tmp_path / "a.dcm")
    assert by_model == (ARTIFICIAL_INTELLIGENCE, AUTOMATIC)
    by_both = told(edited, scan, tmp_path / "b.dcm")
    assert by_both == (ARTIFICIAL_INTELLIGENCE, WITH_HELP)


def test_contours_say_whether_a_person_helped(scan, tmp_path):
    found = grown(scan)
    for result, kind in ((found, WITH_HELP), (classical.otsu(scan), AUTOMATIC)):
        path = tmp_path / f"{kind}.dcm"
        form = SegmentationFormat.RTSTRUCT
        medseg.write_segmentation(result, path, source=scan, file_format=form)
        roi = pydicom.dcmread(path).StructureSetROISequence[0]
        assert roi.ROIGenerationAlgorithm == kind


def test_it_is_kept_beside_the_label_map(scan, tmp_path):
    found = grown(scan)
    medseg.write_segmentation(found, tmp_path / "a.nii.gz")

    assert (
        medseg.read_segmentation(tmp_path / "a.nii.gz").provenance == found.provenance
    )
    beside = json.loads((tmp_path / "a.json").read_text())
    assert beside["provenance"]["family"] == "Neighborhood Analysis"


def test_a_file_that_does_not_say_it_was_made_by_a_model(scan, tmp_path):
    medseg.write_segmentation(random_labels(scan, seed=1), tmp_path / "a.nii.gz")
    beside = json.loads((tmp_path / "a.json").read_text())
    del beside["provenance"]["family"], beside["provenance"]["is_interactive"]
    (tmp_path / "a.json").write_text(json.dumps(beside))

    made = medseg.read_segmentation(tmp_path / "a.nii.gz", LABELS).provenance

    assert made == MADE
