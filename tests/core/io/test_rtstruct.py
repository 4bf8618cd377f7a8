"""RTSTRUCT: contours that give the same voxels back, ours and those of others."""

import shutil

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from scipy import ndimage
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

LESION = LabelSet.from_names([(1, "lesion")])


@pytest.fixture
def scan(make_slices, save_slices):
    return medseg.read_volume(save_slices(completed(make_slices())))


def written(result, scan, path):
    medseg.write_segmentation(
        result,
        path,
        source=scan,
        file_format=SegmentationFormat.RTSTRUCT,
        overwrite=True,
    )
    return path


def one_label(scan, mask):
    return medseg.Segmentation(
        array=mask.astype(np.uint8), geometry=scan.geometry, labels=LESION
    )


def assert_same(read, result):
    assert_array_equal(read.array, result.array)
    assert read.geometry.is_same_grid(result.geometry)
    assert read.labels.ids == result.labels.ids
    assert read.labels.names == result.labels.names
    assert [each.kind for each in read.labels] == [e.kind for e in result.labels]
    assert [each.colour for each in read.labels] == [e.colour for e in result.labels]


@pytest.mark.parametrize("directions", DIRECTIONS)
def test_what_was_written_is_read(make_slices, save_slices, tmp_path, directions):
    slices = completed(make_slices(directions=DIRECTIONS[directions]))
    scan = medseg.read_volume(save_slices(slices))
    result = random_labels(scan, seed=1)
    read = medseg.read_segmentation(written(result, scan, tmp_path / "a.dcm"))
    assert_same(read, result)
    assert read.provenance == result.provenance
    assert read.labels["left kidney"].snomed_ct == "18639004"
    assert any("no contours" in note for note in read.notes)


@FEW
@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.floats(0.3, 8),
    st.integers(0, 2**32 - 1),
)
def test_any_grid_and_any_labels_come_back(
    make_slices, save_slices, tmp_path, angles, step_mm, seed
):
    turned = tuple(
        Rotation.from_euler("xyz", angles, degrees=True).as_matrix()[:2].flat
    )
    slices = completed(make_slices(5, directions=turned, step_mm=step_mm))
    scan = medseg.read_volume(save_slices(slices, "s"))
    result = random_labels(scan, seed)
    path = written(result, scan, tmp_path / "a.dcm")
    assert_same(medseg.read_segmentation(path, source=scan), result)


def test_holes_parts_and_edges_of_the_picture_come_back(scan, tmp_path):
    mask = np.ones(scan.geometry.shape, dtype=bool)
    mask[3:6, 2:5, 4] = False  # a hole
    mask[4, 3, 4] = True  # an island in it
    mask[:, :, 7] = False
    mask[0, 0, 7] = mask[-1, -1, 7] = True  # single voxels, in two corners
    result = one_label(scan, mask)
    assert_same(
        medseg.read_segmentation(written(result, scan, tmp_path / "a.dcm")), result
    )


def test_each_contour_lies_on_the_slice_that_it_refers_to(
    make_slices, save_slices, tmp_path
):
    slices = completed(make_slices())
    scan = medseg.read_volume(save_slices(slices))
    data = pydicom.dcmread(written(random_labels(scan, 3), scan, tmp_path / "a.dcm"))
    heights = {each.SOPInstanceUID: each.ImagePositionPatient[2] for each in slices}
    contours = [
        contour
        for roi in data.ROIContourSequence
        for contour in roi.get("ContourSequence", [])
    ]
    assert contours
    for contour in contours:
        referred = contour.ContourImageSequence[0].ReferencedSOPInstanceUID
        z = np.array(contour.ContourData, dtype=float)[2::3]
        np.testing.assert_allclose(z, float(heights[referred]), atol=1e-3)
        assert len(z) == contour.NumberOfContourPoints
    assert data.FrameOfReferenceUID == slices[0].FrameOfReferenceUID
    assert str(data.PatientName) == "Müller^Jörg"


def test_other_writers_contours_through_voxel_centres_hold_their_edge(scan, tmp_path):
    """Points of the path are inside: PS3.3 C.8.8.6.3."""
    path = written(box_of(scan), scan, tmp_path / "a.dcm")
    corners = scan.geometry.to_world([[2, 1, 4], [5, 1, 4], [5, 4, 4], [2, 4, 4]])

    def redraw(data):
        contour = data.ROIContourSequence[0].ContourSequence[0]
        contour.ContourData = (corners * (-1, -1, 1)).round(6).ravel().tolist()
        contour.NumberOfContourPoints = 4

    read = medseg.read_segmentation(changed(path, redraw))
    expected = np.zeros(scan.geometry.shape, dtype=bool)
    expected[2:6, 1:5, 4] = True
    assert_array_equal(read.array, expected)


def box_of(scan):
    mask = np.zeros(scan.geometry.shape, dtype=bool)
    mask[2:5, 1:4, 4] = True
    return one_label(scan, mask)


def changed(path, change):
    data = pydicom.dcmread(path)
    change(data)
    data.save_as(path)
    return path


def shift(data, distance_mm):
    contour = data.ROIContourSequence[0].ContourSequence[0]
    points = np.array(contour.ContourData, dtype=float).reshape(-1, 3)
    points[:, 2] += distance_mm
    contour.ContourData = points.ravel().tolist()


def between_two_slices(data):
    shift(data, 0.4)


def beyond_the_scan(data):
    shift(data, 1000)


def without_a_number(data):
    contour = data.ROIContourSequence[0].ContourSequence[0]
    contour.ContourData = contour.ContourData[:-1]


def without_regions(data):
    data.StructureSetROISequence = []


def without_contours(data):
    del data.ROIContourSequence


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (between_two_slices, ErrorCode.GRID_MISMATCH),
        (beyond_the_scan, ErrorCode.GRID_MISMATCH),
        (without_a_number, ErrorCode.GRID_MISMATCH),
        (without_regions, ErrorCode.INVALID_HEADER),
        (without_contours, ErrorCode.INVALID_HEADER),
    ],
)
def test_what_is_not_sound_is_refused(scan, tmp_path, change, code):
    path = changed(written(box_of(scan), scan, tmp_path / "a.dcm"), change)
    with pytest.raises(UnusableInput) as caught:
        medseg.read_segmentation(path, source=scan)
    assert caught.value.code == code


def with_other_uids(data):
    """As in public sets whose images were given new UIDs afterwards."""
    series = (
        data.ReferencedFrameOfReferenceSequence[0]
        .RTReferencedStudySequence[0]
        .RTReferencedSeriesSequence[0]
    )
    series.SeriesInstanceUID = generate_uid()
    for image in series.ContourImageSequence:
        image.ReferencedSOPInstanceUID = generate_uid()
    for roi in data.ROIContourSequence:
        for contour in roi.get("ContourSequence", []):
            for image in contour.ContourImageSequence:
                image.ReferencedSOPInstanceUID = generate_uid()


@pytest.mark.parametrize("is_given", [True, False])
def test_images_that_match_no_uid_are_found_by_position_and_it_says_so(
    scan, tmp_path, is_given
):
    result = random_labels(scan, seed=6)
    path = changed(written(result, scan, tmp_path / "a.dcm"), with_other_uids)
    read = medseg.read_segmentation(path, source=scan if is_given else None)
    assert_same(read, result)
    assert any("found by position" in note for note in read.notes)


def test_a_scan_of_another_patient_is_not_taken(make_slices, save_slices, tmp_path):
    (tmp_path / "study").mkdir()  # folders beside its own are searched too
    slices = completed(make_slices())
    scan = medseg.read_volume(save_slices(slices, "study/series"))
    path = written(random_labels(scan, seed=6), scan, tmp_path / "study/a.dcm")
    for data in slices:
        data.PatientID = "P-2"
    save_slices(slices, "study/series")
    with pytest.raises(UnusableInput, match="NOT_FOUND"):
        medseg.read_segmentation(changed(path, with_other_uids))


def test_among_several_series_the_one_referred_to_is_taken(
    make_slices, save_slices, tmp_path
):
    save_slices(completed(make_slices(step_mm=7.0, uid=generate_uid())), "other")
    scan = medseg.read_volume(save_slices(completed(make_slices()), "mine"))
    result = random_labels(scan, seed=6)
    path = written(result, scan, tmp_path / "a.dcm")
    assert_same(medseg.read_segmentation(path), result)
    with pytest.raises(UnusableInput, match=r"NOT_FOUND.*2 other series"):
        medseg.read_segmentation(changed(path, with_other_uids))


def test_without_its_scan_it_cannot_be_placed(scan, tmp_path):
    (tmp_path / "far/away").mkdir(parents=True)
    path = written(box_of(scan), scan, tmp_path / "far/away/a.dcm")
    with pytest.raises(UnusableInput, match="NOT_FOUND") as caught:
        medseg.read_segmentation(path)
    assert "source=" in caught.value.remedy


def test_structures_that_overlap_are_kept_and_never_flattened(scan, tmp_path):
    mask = np.zeros(scan.geometry.shape, dtype=np.uint8)
    mask[1:5, 1:4, 4] = 1
    mask[1:5, 5:6, 4] = 2
    both = LabelSet.from_names([(1, "organ"), (2, "lesion")])
    result = medseg.Segmentation(array=mask, geometry=scan.geometry, labels=both)
    path = written(result, scan, tmp_path / "a.dcm")

    def draw_one_over_the_other(data):
        first, second = data.ROIContourSequence
        second.ContourSequence[0].ContourData = first.ContourSequence[0].ContourData
        count = first.ContourSequence[0].NumberOfContourPoints
        second.ContourSequence[0].NumberOfContourPoints = count

    changed(path, draw_one_over_the_other)
    with pytest.raises(UnusableInput, match="OVERLAPPING_SEGMENTS"):
        medseg.read_segmentation(path, source=scan)
    organ, lesion = medseg.read_segments(path, source=scan)
    assert_array_equal(organ.array == 1, mask == 1)
    assert_array_equal(lesion.array == 2, mask == 1)


def test_points_and_open_lines_are_left_out_and_it_says_so(scan, tmp_path):
    path = written(box_of(scan), scan, tmp_path / "a.dcm")

    def add_a_point(data):
        point = Dataset()
        point.ContourGeometricType = "POINT"
        point.NumberOfContourPoints = 1
        point.ContourData = [0.0, 0.0, 0.0]
        data.ROIContourSequence[0].ContourSequence.append(point)

    read = medseg.read_segmentation(changed(path, add_a_point), source=scan)
    assert_array_equal(read.array, box_of(scan).array)
    assert any("1 contour(s) left out" in note for note in read.notes)


def test_every_cut_is_noticed(scan, tmp_path):
    content = written(random_labels(scan, 1), scan, tmp_path / "a.dcm").read_bytes()
    for length in range(132, len(content) - 1, len(content) // 60):
        (tmp_path / "cut.dcm").write_bytes(content[:length])
        with pytest.raises(medseg.MedSegError) as caught:
            medseg.read_segmentation(tmp_path / "cut.dcm", source=scan)
        assert "Müller" not in str(caught.value)


def test_a_folder_with_one_object_of_labels_is_read(scan, tmp_path):
    (tmp_path / "labels").mkdir()
    path = written(box_of(scan), scan, tmp_path / "labels/a.dcm")
    assert_same(medseg.read_segmentation(path.parent, source=scan), box_of(scan))
    shutil.copy(path, path.with_name("b.dcm"))
    with pytest.raises(WrongUse, match=r"SEVERAL_SERIES.*a\.dcm, b\.dcm"):
        medseg.read_segmentation(path.parent, source=scan)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dicom3tools")
def test_the_validator_finds_no_error_that_the_source_lacks(scan, tmp_path):
    path = written(random_labels(scan, 1), scan, tmp_path / "a.dcm")
    assert errors_of(path) <= errors_of(scan.source[0].path)


def test_the_lung_tumours_contours_are_its_mask(real_data):
    folder = real_data / "dicom/ibsi_ct"
    scan = medseg.read_volume(folder / "dicom/image")
    (contours,) = (folder / "dicom/mask").iterdir()
    reference = medseg.read_segmentation(folder / "nifti/mask/mask.nii.gz")
    read = medseg.read_segmentation(contours, source=scan)
    place = np.moveaxis(np.indices(read.geometry.shape), 0, -1)
    world_ras_mm = read.geometry.to_world(place)
    i, j, k = np.moveaxis(
        np.rint(reference.geometry.to_index(world_ras_mm)).astype(int), -1, 0
    )
    assert_array_equal(read.array > 0, reference.array[i, j, k] > 0)


def test_real_shapes_go_out_as_contours_and_come_back(real_data, tmp_path):
    scan = medseg.read_volume(real_data / "dicom/ibsi_ct/dicom/image")
    lung = scan.array[0] < -400
    lung[scan.array[0] < -2000] = False
    largest, _ = ndimage.label(lung)
    result = one_label(scan, largest > 0)
    read = medseg.read_segmentation(
        written(result, scan, tmp_path / "lung.dcm"), source=scan
    )
    shared = np.count_nonzero((read.array > 0) & (result.array > 0))
    dice = 2 * shared / (np.count_nonzero(read.array) + np.count_nonzero(result.array))
    assert dice >= 0.99
    assert_same(read, result)


def test_labels_beyond_those_of_the_file_are_kept(scan, tmp_path):
    empty = np.zeros(scan.geometry.shape, dtype=np.uint8)
    result = medseg.Segmentation(array=empty, geometry=scan.geometry, labels=LABELS)
    assert_same(
        medseg.read_segmentation(written(result, scan, tmp_path / "a.dcm")), result
    )
