"""DICOM-SEG: what was written is what is read, by us and by others."""

import shutil

import highdicom
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.spatial.transform import Rotation

import medseg
from medseg import ErrorCode, LabelSet, SegmentationFormat, UnusableInput, WrongUse
from tests.core.io.studies import (
    DIRECTIONS,
    FEW,
    LABELS,
    completed,
    errors_of,
    random_labels,
)

KINDS = (SegmentationFormat.DICOM_SEG, SegmentationFormat.DICOM_SEG_LABELMAP)
LIVER = LabelSet.from_names([(1, "liver")])


@pytest.fixture
def scan(make_slices, save_slices):
    return medseg.read_volume(save_slices(completed(make_slices())))


def written(result, scan, path, kind=SegmentationFormat.DICOM_SEG):
    medseg.write_segmentation(
        result, path, source=scan, file_format=kind, overwrite=True
    )
    return path


def assert_same(read, result):
    assert_array_equal(read.array, result.array)
    assert read.geometry.is_same_grid(result.geometry)
    assert read.labels.ids == result.labels.ids
    assert read.labels.names == result.labels.names
    for ours, theirs in zip(read.labels, result.labels, strict=True):
        assert ours.kind == theirs.kind
        assert np.abs(np.subtract(ours.colour, theirs.colour)).max() <= 1


def box(scan, k, labels=LIVER):
    array = np.zeros(scan.geometry.shape, dtype=np.uint8)
    array[2:5, 1:4, k] = 1
    return medseg.Segmentation(array=array, geometry=scan.geometry, labels=labels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("directions", DIRECTIONS)
def test_what_was_written_is_read(make_slices, save_slices, tmp_path, directions, kind):
    slices = completed(make_slices(directions=DIRECTIONS[directions]))
    scan = medseg.read_volume(save_slices(slices))
    result = random_labels(scan, seed=1)
    read = medseg.read_segmentation(written(result, scan, tmp_path / "a.dcm", kind))
    assert_same(read, result)
    assert read.provenance == result.provenance
    assert read.labels["left kidney"].snomed_ct == "18639004"


@FEW
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.floats(0.3, 8),
    st.integers(0, 2**32 - 1),
    st.sampled_from(KINDS),
)
def test_any_grid_and_any_labels_come_back(  # noqa: PLR0917 - fixtures and drawn values
    make_slices, save_slices, tmp_path, angles, step_mm, seed, kind
):
    turned = tuple(
        Rotation.from_euler("xyz", angles, degrees=True).as_matrix()[:2].flat
    )
    slices = completed(make_slices(5, directions=turned, step_mm=step_mm))
    scan = medseg.read_volume(save_slices(slices, "s"))
    result = random_labels(scan, seed)
    read = medseg.read_segmentation(written(result, scan, tmp_path / "a.dcm", kind))
    assert_same(read, result)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [0, 4, 11])
def test_empty_slices_come_back_though_few_frames_are_written(scan, tmp_path, k, kind):
    result = box(scan, k)
    path = written(result, scan, tmp_path / "a.dcm", kind)
    assert_same(medseg.read_segmentation(path), result)
    frames = pydicom.dcmread(path).NumberOfFrames
    assert frames <= 3 or kind is SegmentationFormat.DICOM_SEG_LABELMAP


def test_nothing_at_all_comes_back(scan, tmp_path):
    empty = np.zeros(scan.geometry.shape, dtype=np.uint8)
    result = medseg.Segmentation(array=empty, geometry=scan.geometry, labels=LABELS)
    path = written(result, scan, tmp_path / "a.dcm")
    assert_same(medseg.read_segmentation(path), result)


@pytest.mark.parametrize("kind", KINDS)
def test_highdicom_reads_the_same(scan, tmp_path, kind):
    result = random_labels(scan, seed=2)
    path = written(result, scan, tmp_path / "a.dcm", kind)
    theirs = highdicom.seg.segread(path).get_volume(combine_segments=True)
    ids = np.array([0, *result.labels.ids])
    array = theirs.array if kind is KINDS[1] else ids[theirs.array]
    for number, plane in enumerate(array):  # theirs: slice, row, column
        place_ras_mm = (theirs.affine @ [number, 2, 1, 1])[:3] * (-1, -1, 1)
        i, j, k = scan.geometry.to_index(place_ras_mm)
        np.testing.assert_allclose((i, j), (1, 2), atol=1e-4)
        assert_array_equal(plane.T, result.array[:, :, round(k)])


def test_each_frame_refers_to_its_source_slice(make_slices, save_slices, tmp_path):
    slices = completed(make_slices())
    scan = medseg.read_volume(save_slices(slices))
    data = pydicom.dcmread(written(random_labels(scan, 3), scan, tmp_path / "a.dcm"))
    assert data.FrameOfReferenceUID == slices[0].FrameOfReferenceUID
    assert data.StudyInstanceUID == slices[0].StudyInstanceUID
    assert str(data.PatientName) == "Müller^Jörg"
    places = {each.SOPInstanceUID: each.ImagePositionPatient for each in slices}
    for frame in data.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        assert position == places[source.ReferencedSOPInstanceUID]


@pytest.mark.parametrize("kind", KINDS)
def test_an_enhanced_series_is_referred_to_by_frame(enhanced_ct, tmp_path, kind):
    completed([enhanced_ct])
    for group in enhanced_ct.PerFrameFunctionalGroupsSequence:
        del group.FrameContentSequence[0].TemporalPositionIndex
    enhanced_ct.save_as(tmp_path / "enhanced")
    scan = medseg.read_volume(tmp_path / "enhanced")
    result = random_labels(scan, seed=4)
    path = written(result, scan, tmp_path / "a.dcm", kind)
    assert_same(medseg.read_segmentation(path), result)
    groups = enhanced_ct.PerFrameFunctionalGroupsSequence
    for frame in pydicom.dcmread(path).PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        referred = groups[source.ReferencedFrameNumber - 1]
        assert (
            referred.PlanePositionSequence[0].ImagePositionPatient
            == frame.PlanePositionSequence[0].ImagePositionPatient
        )


def test_frames_that_others_left_out_are_empty_slices(scan, tmp_path):
    result = box(scan, 4)
    result.array.base[2:5, 1:4, 8] = 1  # two slices apart, nothing between
    path = written(result, scan, tmp_path / "a.dcm")
    data = pydicom.dcmread(path)
    keep = [
        number
        for number, group in enumerate(data.PerFrameFunctionalGroupsSequence)
        if data.pixel_array[number].any()
    ]
    assert len(keep) == 2
    highdicom_copy = highdicom.seg.Segmentation(
        source_images=[pydicom.dcmread(each.path) for each in scan.source],
        pixel_array=np.ascontiguousarray(result.array.transpose(2, 1, 0)),
        segmentation_type="BINARY",
        segment_descriptions=[
            highdicom.seg.SegmentDescription.from_dataset(data.SegmentSequence[0])
        ],
        series_instance_uid=highdicom.UID(),
        series_number=2,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
    )
    highdicom_copy.save_as(tmp_path / "theirs.dcm")
    read = medseg.read_segmentation(tmp_path / "theirs.dcm")
    assert_array_equal(read.array, result.array[:, :, 4:9])
    whole = medseg.read_segmentation(tmp_path / "theirs.dcm", source=scan)
    assert_same(whole, result)


def fractional(scan, tmp_path):
    """Shares from 0 to 1, one segment, as highdicom writes them."""
    path = written(box(scan, 4), scan, tmp_path / "binary.dcm")
    segment = pydicom.dcmread(path).SegmentSequence[0]
    shares = np.random.default_rng(0).random(scan.geometry.shape).astype(np.float32)
    data = highdicom.seg.Segmentation(
        source_images=[pydicom.dcmread(each.path) for each in scan.source],
        pixel_array=np.ascontiguousarray(shares.transpose(2, 1, 0)),
        segmentation_type="FRACTIONAL",
        segment_descriptions=[highdicom.seg.SegmentDescription.from_dataset(segment)],
        series_instance_uid=highdicom.UID(),
        series_number=2,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="x",
        manufacturer_model_name="x",
        software_versions="1",
        device_serial_number="1",
        max_fractional_value=200,
    )
    data.save_as(tmp_path / "shares.dcm")
    return tmp_path / "shares.dcm", np.rint(shares * 200) / 200


def test_shares_become_labels_only_on_request(scan, tmp_path):
    path, shares = fractional(scan, tmp_path)
    with pytest.raises(UnusableInput, match="NOT_A_LABEL_MAP") as caught:
        medseg.read_segmentation(path)
    assert "threshold=0.5" in caught.value.remedy
    read = medseg.read_segmentation(path, threshold=0.3)
    assert_array_equal(read.array, shares >= 0.3)


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.01, float("nan")])
def test_a_threshold_is_a_share(scan, tmp_path, threshold):
    path = written(box(scan, 4), scan, tmp_path / "a.dcm")
    with pytest.raises(WrongUse, match="INVALID_OPTION"):
        medseg.read_segmentation(path, threshold=threshold)


def changed(path, change):
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)
    return path


def moved(data):
    group = data.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    group.ImagePositionPatient = [float(x) + 0.7 for x in group.ImagePositionPatient]


def without_orientation(data):
    del data.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence


def without_segments(data):
    del data.SegmentSequence


def of_an_unknown_segment(data):
    shared = data.SharedFunctionalGroupsSequence[0]
    shared.SegmentIdentificationSequence[0].ReferencedSegmentNumber = 9


def of_an_unknown_type(data):
    data.SegmentationType = "SURFACE"


def with_a_frame_twice(data):
    groups = data.PerFrameFunctionalGroupsSequence
    groups[1].PlanePositionSequence = groups[0].PlanePositionSequence


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (moved, {ErrorCode.GANTRY_TILT, ErrorCode.VARIABLE_SPACING}),
        (without_orientation, {ErrorCode.MISSING_GEOMETRY}),
        (without_segments, {ErrorCode.INVALID_HEADER}),
        (of_an_unknown_segment, {ErrorCode.UNKNOWN_LABEL}),
        (of_an_unknown_type, {ErrorCode.NOT_A_LABEL_MAP}),
        (with_a_frame_twice, {ErrorCode.DUPLICATE_POSITIONS}),
    ],
)
def test_what_is_not_sound_is_refused(scan, tmp_path, change, codes):
    path = changed(written(box(scan, 4), scan, tmp_path / "a.dcm"), change)
    with pytest.raises(UnusableInput) as caught:
        medseg.read_segmentation(path)
    assert caught.value.code in codes


def test_every_cut_is_noticed(scan, tmp_path):
    content = written(random_labels(scan, 1), scan, tmp_path / "a.dcm").read_bytes()
    for length in range(132, len(content) - 1, 499):
        (tmp_path / "cut.dcm").write_bytes(content[:length])
        with pytest.raises(medseg.MedSegError) as caught:
            medseg.read_segmentation(tmp_path / "cut.dcm")
        assert "Müller" not in str(caught.value)


def test_a_label_map_on_another_grid_is_refused(scan, tmp_path):
    other = scan.geometry.cropped((0, 0, 1), scan.geometry.shape)
    result = medseg.Segmentation(array=box(scan, 4).array, geometry=other, labels=LIVER)
    with pytest.raises(UnusableInput, match="GRID_MISMATCH"):
        written(result, scan, tmp_path / "a.dcm")
    assert not (tmp_path / "a.dcm").exists()
    assert not (tmp_path / "a.json").exists()


def test_a_series_that_changed_since_is_refused(make_slices, save_slices, tmp_path):
    slices = completed(make_slices())
    scan = medseg.read_volume(save_slices(slices))
    for data in slices:
        data.ImagePositionPatient[2] += 5
    save_slices(slices)
    with pytest.raises(UnusableInput, match=r"GRID_MISMATCH.*5\.00 mm"):
        written(box(scan, 4), scan, tmp_path / "a.dcm")
    scan.source[3].path.unlink()
    with pytest.raises(UnusableInput, match="NOT_FOUND"):
        written(box(scan, 4), scan, tmp_path / "a.dcm")


def test_a_series_without_identifiers_cannot_be_referred_to(
    make_slices, save_slices, tmp_path
):
    scan = medseg.read_volume(save_slices(make_slices()))
    with pytest.raises(UnusableInput, match=r"INVALID_HEADER.*StudyInstanceUID"):
        medseg.require_dicom_source(scan, tmp_path / "a.dcm")


def test_a_scan_that_was_not_dicom_cannot_be_referred_to(scan, tmp_path):
    medseg.write_volume(scan, tmp_path / "scan.nii.gz")
    nifti = medseg.read_volume(tmp_path / "scan.nii.gz")
    with pytest.raises(WrongUse, match="NO_DICOM_SOURCE"):
        written(box(nifti, 4), nifti, tmp_path / "a.dcm")


def test_the_suffix_and_the_format_belong_together(scan, tmp_path):
    for name, kind in (("a.nii.gz", "rtstruct"), ("a.dcm", "nifti"), ("a", "rtstruct")):
        with pytest.raises(WrongUse, match="UNKNOWN_FORMAT"):
            written(box(scan, 4), scan, tmp_path / name, SegmentationFormat(kind))
    assert list(tmp_path.glob("a*")) == []


def test_a_scan_holds_no_labels(scan):
    with pytest.raises(WrongUse, match="UNKNOWN_FORMAT"):
        medseg.read_segmentation(scan.source[0].path)


def test_headers_that_lack_what_may_be_empty_do(make_slices, save_slices, tmp_path):
    slices = completed(make_slices())
    for data in slices:
        for keyword in ("PatientName", "PatientBirthDate", "StudyID", "StudyTime"):
            delattr(data, keyword)
        del data.AccessionNumber, data.SliceThickness, data.FrameOfReferenceUID
    scan = medseg.read_volume(save_slices(slices))
    result = random_labels(scan, seed=5)
    path = written(result, scan, tmp_path / "a.dcm")
    assert_same(medseg.read_segmentation(path), result)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")
def test_the_validator_finds_no_error_that_the_source_lacks(scan, tmp_path):
    path = written(random_labels(scan, 1), scan, tmp_path / "a.dcm")
    assert errors_of(path) <= errors_of(scan.source[0].path)


def test_dcmqi_liver_is_its_nrrd(real_data):
    folder = real_data / "dicom/dcmqi"
    read = medseg.read_segmentation(folder / "liver.dcm")
    reference = medseg.read_segmentation(folder / "liver_seg.nrrd")
    assert_array_equal(read.array, reference.array)
    assert read.geometry.is_same_grid(reference.geometry)
    assert read.labels["Liver"].snomed_ct == "10200004"
    scan = medseg.read_volume(folder / "ct-3slice")
    on_scan = medseg.read_segmentation(folder / "liver.dcm", source=scan)
    assert on_scan.geometry.is_same_grid(scan.geometry)


def test_dcmqi_overlaps_are_kept_and_never_flattened(real_data):
    folder = real_data / "dicom/dcmqi"
    path = folder / "partial_overlaps.dcm"
    with pytest.raises(UnusableInput, match="OVERLAPPING_SEGMENTS") as caught:
        medseg.read_segmentation(path)
    assert "read_segments" in caught.value.remedy
    maps = medseg.read_segments(path)
    assert sorted(name for each in maps for name in each.labels.names) == [
        "DARK_BLUE",
        "GREEN",
        "LIGHT_BLUE",
        "ORANGE",
        "PURPLE",
    ]
    for number, ours in enumerate(maps, start=1):
        reference = medseg.read_segmentation(folder / f"partial_overlaps-{number}.nrrd")
        assert ours.geometry.is_same_grid(reference.geometry)
        assert_array_equal(ours.array, reference.array)


def test_segments_of_any_other_format_are_one_label_map(scan, tmp_path):
    medseg.write_segmentation(box(scan, 4), tmp_path / "a.nii.gz")
    (only,) = medseg.read_segments(tmp_path / "a.nii.gz")
    assert_same(only, box(scan, 4))
    with pytest.raises(WrongUse, match="INVALID_OPTION"):
        medseg.read_segments(tmp_path / "a.nii.gz", source=scan)
