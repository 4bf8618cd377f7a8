"""A scan goes in, a label map on its own grid comes out."""

import hashlib
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK
import torch
from numpy.testing import assert_array_equal
from scipy import ndimage

import medseg
from medseg import (
    Cancelled,
    Device,
    InferenceSettings,
    Precision,
    Progress,
    UnusableInput,
)
from medseg.core.model_info import WeightFile
from medseg.core.plan import StoredAxes
from medseg.models import TrainedModel, list_models
from medseg.networks import build_network
from tests.core.making import (
    CT,
    ORIENTATIONS,
    TINY_PLAN,
    turned,
    turned_back,
    turned_geometry,
    untrained_info,
    volume_of,
)

EXACT = InferenceSettings(device=Device("cpu"), precision=Precision.FLOAT32)
SHAPE = (18, 15, 12)


@pytest.fixture(scope="module")
def model() -> TrainedModel:
    """An untrained network: what it answers is arbitrary, but always the same."""
    torch.manual_seed(3)
    weights = WeightFile(path="weights/a.safetensors", sha256="0" * 64)
    info = untrained_info(TINY_PLAN, weights)
    return TrainedModel(info=info, networks=(build_network(TINY_PLAN).eval(),))


def scan_of(geometry=None, **more) -> medseg.Volume:
    values = np.random.default_rng(0).normal(100, 30, SHAPE)
    smooth = ndimage.gaussian_filter(values, 1.5).astype(np.float32)
    return volume_of(smooth, geometry or turned_geometry(SHAPE, (1, 1, 1)), **more)


def test_the_result_lies_on_the_scans_grid_with_the_models_labels(model):
    geometry = turned_geometry(
        SHAPE, (0.8, 1.3, 2.0), (2, 0, 1), (True, False, True), 9
    )
    scan = scan_of(geometry, case_id="patient 7")
    result = medseg.segment(scan, model, EXACT)
    assert result.geometry is scan.geometry
    assert result.labels == TINY_PLAN.labels
    assert result.case_id == "patient 7"
    assert result.array.dtype == np.uint8
    assert set(np.unique(result.array)) <= {0, 1, 4}
    assert len(np.unique(result.array)) > 1


@pytest.mark.parametrize(("axes", "flipped"), ORIENTATIONS[1::6])
def test_the_same_patient_stored_otherwise_gets_the_same_labels(model, axes, flipped):
    scan = scan_of()
    expected = medseg.segment(scan, model, EXACT).array
    stored = turned(scan.array[0], axes, flipped)
    geometry = scan.geometry.permuted(axes, flipped)
    result = medseg.segment(volume_of(stored, geometry), model, EXACT).array
    assert_array_equal(turned_back(result, axes, flipped), expected)


def test_segmenting_twice_gives_the_same_and_leaves_the_scan_alone(model):
    scan = scan_of()
    before = scan.array.copy()
    first = medseg.segment(scan, model, EXACT)
    assert_array_equal(medseg.segment(scan, model, EXACT).array, first.array)
    assert_array_equal(scan.array, before)


def test_the_result_says_whether_the_model_was_trained_on_the_scan(model):
    training = replace(model.info.training, image_sha256=("f" * 64,))
    trained = replace(model, info=replace(model.info, training=training))
    for sha256, is_trained_on in (("f" * 64, True), ("a" * 64, False), ("", False)):
        made = medseg.segment(scan_of(sha256=sha256), trained, EXACT).provenance
        assert made is not None
        assert made.is_trained_on is is_trained_on


def test_the_result_says_how_it_was_made(model):
    scan = scan_of(case_id="a", sha256="f" * 64, notes=("a slice was dropped",))
    made = medseg.segment(scan, model, replace(EXACT, overlap=0.25)).provenance
    assert made is not None
    assert (made.case_id, made.input_sha256) == ("a", "f" * 64)
    assert made.model == "tiny"
    assert made.model_sha256 == hashlib.sha256(b"0" * 64).hexdigest()
    assert dict(made.settings) == {
        "device": "cpu",
        "precision": "float32",
        "overlap": "0.25",
        "mirror": "True",
        "skip_air": "True",
        "margin_mm": "20.0",
        "compile": "False",
    }
    assert {"medseg", "python", "torch"} <= dict(made.versions).keys()
    assert "a slice was dropped" in made.notes
    assert "Not a medical device" in made.disclaimer


def test_only_the_largest_piece_of_a_structure_is_kept_if_the_model_says_so(model):
    scan = scan_of()
    name, id_ = model.info.plan.labels.names[0], model.info.plan.labels.ids[0]
    plain = medseg.segment(scan, model, EXACT).array
    info = replace(model.info, largest_piece_only=(name,))
    kept = medseg.segment(scan, replace(model, info=info), EXACT).array
    pieces, count = ndimage.label(plain == id_, np.ones((3, 3, 3)))
    assert count > 1
    largest = 1 + np.bincount(pieces.ravel())[1:].argmax()
    assert_array_equal(kept == id_, pieces == largest)
    assert_array_equal(kept[plain != id_], plain[plain != id_])


def test_what_makes_a_scan_doubtful_is_noted(model):
    ct_plan = replace(TINY_PLAN, channels=("CT",), normalisation=(CT,))
    ct_model = replace(model, info=replace(model.info, plan=ct_plan))
    scan = scan_of(channels=("image",))
    scan = replace(scan, array=np.abs(scan.array))
    made = medseg.segment(scan, ct_model, EXACT).provenance
    notes = made.notes if made else ()
    assert "the file names no modality: taken for CT" in notes
    assert any("no value is below 0" in note for note in notes)
    scan = replace(scan, array=scan.array - 100, channels=("CT",))
    made = medseg.segment(scan, ct_model, EXACT).provenance
    assert made is not None
    assert not made.notes


def test_a_model_of_the_files_own_axes_says_where_those_of_the_scan_point(model):
    plan = replace(TINY_PLAN, axes=StoredAxes(order=(2, 1, 0)))
    stored = replace(model, info=replace(model.info, plan=plan))
    made = medseg.segment(scan_of(), stored, EXACT).provenance
    sides = {"R": "right", "L": "left", "A": "anterior", "P": "posterior"}
    sides |= {"S": "superior", "I": "inferior"}
    codes = nibabel.orientations.aff2axcodes(scan_of().geometry.affine)
    words = ", ".join(sides[code] for code in codes)
    assert made is not None
    assert any(f"i, j, k run to {words}:" in note for note in made.notes)


def test_an_empty_scan_is_segmented_too(model):
    result = medseg.segment(volume_of(np.zeros(SHAPE, np.int16)), model, EXACT)
    assert result.array.shape == SHAPE


def test_a_scan_the_model_was_not_made_for_is_refused(model):
    with pytest.raises(UnusableInput, match="CHANNEL_MISMATCH"):
        medseg.segment(scan_of(channels=("CT",)), model, EXACT)


def test_progress_is_told_and_can_stop_the_work(model):
    heard: list[Progress] = []
    medseg.segment(scan_of(), model, EXACT, heard.append)
    assert heard[-1].done == heard[-1].total == len(heard)

    def stop(_):
        raise Cancelled

    with pytest.raises(Cancelled):
        medseg.segment(scan_of(), model, EXACT, stop)


@pytest.mark.parametrize("study", ["Study1/13_HCropVolume", "Study3/11_HCropVolume"])
def test_the_hippocampus_model_finds_both_parts_in_clinical_scans(
    real_data: Path, study: str
):
    if "hippocampus" not in [info.name for info in list_models()]:
        pytest.skip("the hippocampus model is not shipped yet")
    scan = medseg.read_volume(real_data / "dicom/mr_hippocampus" / study)
    result = medseg.segment(scan, medseg.load_model("hippocampus"))
    anterior, posterior = (result.mask(name) for name in result.labels.names)
    assert 1.0 <= result.volume_ml(result.labels.names[0]) <= 2.7
    assert 0.9 <= result.volume_ml(result.labels.names[1]) <= 2.3
    assert (ndimage.binary_dilation(anterior) & posterior).any()
    for mask in (anterior, posterior):
        parts, count = ndimage.label(mask)
        sizes = ndimage.sum_labels(mask, parts, range(1, count + 1))
        assert sizes.max() > 0.98 * mask.sum()


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.8, 1.3, 2.0)])
def test_the_largest_probability_is_the_labels(model, spacing_mm):
    scan = scan_of(turned_geometry(SHAPE, spacing_mm, (2, 0, 1), (True, False, True)))
    labels, probabilities = medseg.segment_with_probabilities(scan, model, EXACT)
    assert_array_equal(labels.array, medseg.segment(scan, model, EXACT).array)
    assert probabilities.geometry is scan.geometry
    assert probabilities.channels == ("background", *labels.labels.names)
    np.testing.assert_allclose(probabilities.array.sum(0, np.float32), 1, atol=2e-3)
    ids = np.array([0, *labels.labels.ids])
    places = np.searchsorted(ids, labels.array)[None]
    of_label = np.take_along_axis(probabilities.array, places, 0)[0]
    assert_array_equal(of_label, probabilities.array.max(0))
    assert probabilities.array.dtype == np.float16


def test_outside_the_scanned_box_only_background_is_possible(model):
    scan = scan_of()
    padded = np.pad(scan.array[0], 3)
    scan = volume_of(padded, turned_geometry(padded.shape, (1, 1, 1)))
    _, probabilities = medseg.segment_with_probabilities(scan, model, EXACT)
    assert (probabilities.array[0, :3] == 1).all()
    assert (probabilities.array[1:, :3] == 0).all()


def test_probabilities_are_written_beside_the_label_map(model, tmp_path):
    _, probabilities = medseg.segment_with_probabilities(scan_of(), model, EXACT)
    medseg.write_probabilities(probabilities, tmp_path / "case.nii.gz")
    assert [each.name for each in tmp_path.iterdir()] == ["case.probabilities.nii.gz"]
    stored = nibabel.nifti1.load(tmp_path / "case.probabilities.nii.gz")
    written = np.moveaxis(stored.get_fdata(dtype=np.float32), -1, 0)
    np.testing.assert_allclose(written, probabilities.array, atol=0.5 / 4096)
    as_itk = SimpleITK.ReadImage(str(tmp_path / "case.probabilities.nii.gz"))
    seen = np.moveaxis(SimpleITK.GetArrayFromImage(as_itk), (0, 1, 2, 3), (0, 3, 2, 1))
    np.testing.assert_allclose(seen, written, atol=1e-6)
    assert_array_equal(stored.affine, scan_of().geometry.affine.astype(np.float32))
