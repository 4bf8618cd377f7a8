"""Nothing that MedSeg writes or says tells of the patient, but DICOM meant to."""

import gzip
import json
import logging
import zipfile
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from nibabel.nifti1 import Nifti1Extension
from PIL import Image, PngImagePlugin
from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ImplicitVRLittleEndian

import medseg
from medseg import MedSegError
from medseg.cli.app import app
from tests.core.io.canaries import (
    UID_ROOT,
    WORD,
    plant_everywhere,
    plant_uids,
    telling_files,
    tells,
)
from tests.core.io.conftest import SliceMaker
from tests.core.io.studies import completed
from tests.core.making import LABELS, TINY_PLAN, save_untrained, segmentation_of
from tests.core.training.cubes import QUICK

GIVEN_ON = {  # what DICOM output is meant to carry: whose scan, which examination
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge"),
    *("PatientSize", "PatientWeight", "IssuerOfPatientID", "PatientIdentityRemoved"),
    *("DeidentificationMethod", "QualityControlSubject"),
    *("StudyDate", "StudyTime", "StudyID", "StudyDescription", "AccessionNumber"),
    *("ReferringPhysicianName", "PositionReferenceIndicator"),
}
PLAN = replace(TINY_PLAN, channels=("CT",))
BROKEN = (
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "EchoTime"),
    *("RescaleSlope", "RescaleIntercept", "NumberOfFrames", "AcquisitionNumber"),
    *("TriggerTime", "TemporalPositionIdentifier", "DiffusionBValue"),
    *("Rows", "BitsAllocated", "SamplesPerPixel"),
)


@pytest.fixture
def telling_series(tmp_path: Path, make_slices: SliceMaker) -> Path:
    """A series whose every text, name and identifier is a canary."""
    slices = make_slices()
    for data in slices:
        plant_everywhere(data)
    plant_uids(slices)
    folder = tmp_path / WORD
    folder.mkdir()
    for number, data in enumerate(slices):
        data.save_as(folder / f"{WORD}.{number}")
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_untrained(PLAN, tmp_path / "tiny")


def run(*words: object) -> None:
    app([str(word) for word in words], result_action="return_value")


@pytest.mark.parametrize("code", ["utf-8", "utf-16-le"])
def test_the_search_finds_what_is_packed_or_encoded(tmp_path, code):
    secret = f"of Nathan {WORD} ".encode(code)
    chunk = PngImagePlugin.PngInfo()
    chunk.add_itxt("c", WORD, zip=True)
    Image.new("L", (2, 2)).save(tmp_path / "a.png", pnginfo=chunk)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", secret)
    (tmp_path / "a.gz").write_bytes(gzip.compress(secret))
    (tmp_path / f"{WORD.lower()}.txt").write_bytes(b"")
    assert set(telling_files(tmp_path)) == {
        *("a.gz", "a.npz", "a.png", f"{WORD.lower()}.txt")
    }
    assert tells(b"1909-08-07") == {"1909-08-07"}
    assert tells(b"Kanarien, Vogel") == set()


def test_a_series_has_the_canary_in_over_a_thousand_places(telling_series):
    data = pydicom.dcmread(next(telling_series.iterdir()))
    assert sum(bool(tells(str(element.value).encode())) for element in data) > 1000
    assert medseg.read_volume(telling_series).geometry.shape == (9, 7, 12)


def test_a_modality_that_is_no_code_is_not_repeated(make_slices, save_slices, capsys):
    slices = [*make_slices(), *make_slices()]
    for data in slices:
        data.Modality = WORD.upper()
    folder = save_slices(slices)
    with pytest.raises(MedSegError, match="SEVERAL_SERIES") as caught:
        medseg.read_volume(folder)
    assert tells(str(caught.value).encode()) == set()
    (first, _) = medseg.find_volumes(folder)
    assert first.modality == ""
    assert medseg.read_volume(folder, series=first.series_uid).channels == ("image",)
    run("inspect", folder, "--json")
    assert tells(capsys.readouterr().out.encode()) == set()


def test_results_of_a_series_do_not_tell_of_the_patient(
    telling_series, model, tmp_path, caplog, capsys
):
    caplog.set_level(logging.DEBUG)
    out = tmp_path / "out"
    for name in ("a.nii.gz", "b.nrrd", "c.mha", "d.nii"):
        run("segment", telling_series, "-m", model, "-o", out / "maps" / name)
    run(
        *("segment", telling_series, "-m", model, "-o", out / "maps" / "e.nii.gz"),
        "--save-probabilities",
    )
    volume = medseg.read_volume(telling_series)
    for name in ("a.nii.gz", "b.nrrd", "c.mha"):
        medseg.write_volume(volume, out / "scans" / name)
    found = medseg.read_segmentation(out / "maps" / "a.nii.gz")
    page = medseg.render_report(
        volume, found, reference=found, scores=medseg.score(found, found)
    )
    (out / "report.html").write_text(page, encoding="utf-8")
    assert len(list(out.rglob("*.*"))) == 15
    assert telling_files(out, more=(UID_ROOT,)) == {}
    said = capsys.readouterr()
    assert "series-" in (out / "maps" / "a.json").read_text()
    told = (said.out + said.err + caplog.text).replace(str(telling_series), "")
    assert tells(told.encode()) == set()


def test_scores_journals_and_studies_do_not_tell_of_the_patient(
    telling_series, model, tmp_path
):
    maps, references = tmp_path / "maps", tmp_path / "references"
    run("segment", telling_series, "-m", model, "-o", maps / "one.nii.gz")
    scan = medseg.read_volume(telling_series)
    medseg.write_volume(scan, tmp_path / "scans" / "one.nii.gz")
    rng = np.random.default_rng(0)
    array = rng.choice(np.array([0, 1, 4], np.uint8), scan.geometry.shape)
    reference = segmentation_of(array, scan.geometry)
    medseg.write_segmentation(reference, references / "one.nii.gz")
    for folder in (maps, references):  # two more cases, whose files tell
        for name in ("two", "three"):
            file = folder / f"{name}.nii.gz"
            medseg.write_segmentation(reference, file)
            plant_in_nifti(array, scan.geometry.affine, file)
    out = tmp_path / "out"
    out.mkdir()
    for name in ("scores.csv", "scores.json"):
        path = out / name
        evaluation = medseg.evaluate(
            *(maps, references),
            images=tmp_path / "scans",
            journal=medseg.journal_path(path),
        )
        medseg.write_scores(evaluation, path)
    medseg.run_study(
        medseg.StudyFiles(reference=references, models={"tiny": maps}),
        out / "study",
        settings=medseg.StudySettings(
            bootstrap=medseg.BootstrapSettings(resamples=100), worst=1
        ),
    )
    assert (out / "study" / "report.html").is_file()
    assert telling_files(out, more=(UID_ROOT,)) == {}


def test_a_model_does_not_tell_of_the_patients_it_was_trained_on(tmp_path):
    folder = tmp_path / "dataset"
    entries = []
    rng = np.random.default_rng(0)
    for number in range(5):
        labels = np.zeros((12, 11, 8), np.uint8)
        labels[2:9, 2:8, 2:6] = 1
        image = (labels * 40 + rng.normal(20, 5, labels.shape)).astype(np.float32)
        name = f"case_{number}.nii.gz"
        plant_in_nifti(image, np.eye(4), folder / "imagesTr" / name)
        plant_in_nifti(labels, np.eye(4), folder / "labelsTr" / name)
        entries.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    description = {
        "name": "Dataset",
        "licence": "CC0-1.0",
        "modality": {"0": "MRI"},
        "labels": {"0": "background", "1": "cube"},
        "training": entries,
    }
    (folder / "dataset.json").write_text(json.dumps(description))
    assert len(telling_files(folder)) == 10
    medseg.train(medseg.read_dataset(folder), tmp_path / "out" / "model", QUICK)
    assert telling_files(tmp_path / "out") == {}


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_texts_in_the_header_of_a_scan_are_not_handed_on(tmp_path, model, suffix):
    scan = tmp_path / f"scan{suffix}"
    values = np.random.default_rng(0).normal(20, 5, (12, 11, 8)).astype(np.float32)
    if suffix == ".nii.gz":
        plant_in_nifti(values, np.eye(4), scan)
    else:
        image = sitk.GetImageFromArray(values)
        for name in ("Comment", WORD, "PatientID", "0010|0010"):
            image.SetMetaData(name, WORD)
        sitk.WriteImage(image, str(scan))
    assert telling_files(tmp_path) == {scan.name: {WORD}}
    out = tmp_path / "out"
    for kind in (".nii.gz", ".nrrd", ".mha"):
        run("segment", scan, "-m", model, "-o", out / f"map{kind[1:]}{kind}")
        medseg.write_volume(medseg.read_volume(scan), out / f"scan{kind}")
    assert telling_files(out) == {}


@pytest.mark.parametrize("name", ["seg.dcm", "rtstruct.dcm"])
def test_dicom_output_gives_on_only_whose_scan_it_is(
    tmp_path, make_slices, save_slices, name
):
    slices = completed(make_slices())
    for data in slices:
        sex = data.PatientSex
        plant_everywhere(data)
        data.PatientSex, data.PatientPosition = sex, "HFS"
    scan = medseg.read_volume(save_slices(slices))
    kinds = {
        "seg.dcm": medseg.SegmentationFormat.DICOM_SEG,
        "rtstruct.dcm": medseg.SegmentationFormat.RTSTRUCT,
    }
    array = np.zeros(scan.geometry.shape, np.uint8)
    array[2:6, 2:6, 3:9] = 1
    medseg.write_segmentation(
        segmentation_of(array, scan.geometry, LABELS),
        tmp_path / "out" / name,
        source=scan,
        file_format=kinds[name],
    )
    written = pydicom.dcmread(tmp_path / "out" / name)
    assert WORD in str(written.PatientName)
    assert telling_elements(written) <= GIVEN_ON


@pytest.mark.parametrize("keyword", BROKEN)
@pytest.mark.parametrize("is_implicit", [False, True])
def test_errors_of_broken_headers_do_not_quote_them(
    telling_series, keyword, is_implicit, caplog
):
    caplog.set_level(logging.DEBUG)
    broken = telling_series / f"{WORD}.3"
    data = pydicom.dcmread(broken)
    break_value(data, keyword)
    if is_implicit:
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    data.save_as(broken, implicit_vr=is_implicit, little_endian=True)
    said = caplog.text
    try:
        said += " ".join(medseg.read_volume(telling_series).notes)
    except MedSegError as error:
        said += error.what + error.remedy
    for volume in medseg.find_volumes(telling_series.parent):
        said += " ".join(f"{each.what} {each.remedy}" for each in volume.problems)
    for own in sorted(telling_series.iterdir()):  # the user's names, not the header's
        said = said.replace(own.name, "")
    assert tells(said.encode()) == set()


def test_an_unknown_character_set_is_not_quoted(telling_series, caplog):
    caplog.set_level(logging.DEBUG)
    broken = telling_series / f"{WORD}.3"
    data = pydicom.dcmread(broken)
    data.SpecificCharacterSet = "ISO_IR 100"
    data.save_as(broken)
    broken.write_bytes(broken.read_bytes().replace(b"ISO_IR 100", b"of  Nathan"))
    volume = medseg.read_volume(telling_series)
    assert tells((caplog.text + " ".join(volume.notes)).encode()) == set()


def test_a_choice_of_series_is_offered_without_their_descriptions(
    telling_series, make_slices
):
    for number, data in enumerate(make_slices()):
        plant_everywhere(data)
        data.save_as(telling_series / f"other{number}")
    with pytest.raises(MedSegError, match="SEVERAL_SERIES") as caught:
        medseg.read_volume(telling_series)
    assert tells((caught.value.what + caught.value.remedy).encode()) == set()


def plant_in_nifti(array: np.ndarray, affine: np.ndarray, path: Path) -> None:
    """Save a NIfTI whose every text is a canary."""
    image = nib.Nifti1Image(array, affine)
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = WORD
    for code in ("comment", "afni"):
        image.header.extensions.append(Nifti1Extension(code, WORD.encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.to_filename(path)


def break_value(data: FileDataset, keyword: str) -> None:
    """Put text where a number has to be."""
    tag = tag_for_keyword(keyword)
    assert tag is not None
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        data[keyword] = DataElement(tag, "LO", WORD)
    finally:
        config.settings.writing_validation_mode = before
    assert dictionary_VR(tag) != "LO"


def telling_elements(data: Dataset) -> set[str]:
    """Keywords, at any depth, of elements that hold a canary."""
    return {
        element.keyword or str(element.tag)
        for element in data.iterall()
        if element.VR != "SQ" and tells(str(element.value).encode())
    }
