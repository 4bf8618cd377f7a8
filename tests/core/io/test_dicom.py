"""DICOM series: right in every voxel, or refused with the reason."""

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydicom.encaps import encapsulate
from pydicom.uid import MPEG2MPML, SecondaryCaptureImageStorage
from scipy.spatial.transform import Rotation

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.io import read_dicom_series
from tests.core.io.truth import assert_every_voxel_is_right

CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
OBLIQUE = tuple(
    Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix()[:2].flat
)


def refused(code, folder, **options):
    with pytest.raises(UnusableInput) as caught:
        read_dicom_series(folder, **options)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("directions", [(1, 0, 0, 0, 1, 0), CORONAL, OBLIQUE])
def test_a_series_lands_where_its_headers_say(make_slices, save_slices, directions):
    slices = make_slices(directions=directions)
    volume = read_dicom_series(save_slices(slices))
    assert_every_voxel_is_right(volume, slices)
    assert volume.channels == ("CT",)
    assert volume.array.dtype == np.int16


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(*[st.floats(-180, 180)] * 3), st.floats(0.3, 8))
def test_any_direction_and_spacing_will_do(make_slices, save_slices, angles, step_mm):
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    slices = make_slices(4, directions=tuple(turned[:2].flat), step_mm=step_mm)
    assert_every_voxel_is_right(read_dicom_series(save_slices(slices)), slices)


def test_simpleitk_agrees_on_a_good_series(make_slices, save_slices):
    folder = save_slices(make_slices(directions=OBLIQUE))
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = sitk.ReadImage(names)
    volume = read_dicom_series(folder)
    assert_array_equal(volume.array[0], sitk.GetArrayFromImage(image).T)
    for index in ([0, 0, 0], [8, 6, 11], [3, 1, 7]):
        expected = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        assert_allclose(volume.geometry.to_world(index), expected, atol=1e-3)


def test_a_slice_out_of_line_is_refused(make_slices, save_slices):
    slices = make_slices()
    slices[5].ImagePositionPatient[0] += 3
    error = refused(ErrorCode.VARIABLE_SPACING, save_slices(slices))
    assert "sideways" in error.what


def test_a_modality_that_the_model_does_not_take_is_refused_first(
    make_slices, save_slices
):
    slices = make_slices()
    slices[5].ImagePositionPatient[0] += 3
    folder = save_slices(slices)
    for wanted in (("MR",), ("T1", "T2")):
        error = refused(ErrorCode.CHANNEL_MISMATCH, folder, model_channels=wanted)
        assert ", ".join(wanted) in error.what
    for wanted in (("CT",), ("unknown",)):
        refused(ErrorCode.VARIABLE_SPACING, folder, model_channels=wanted)


def test_rounded_positions_are_still_one_volume(make_slices, save_slices):
    slices = make_slices(step_mm=1.3333)
    for data in slices:
        data.ImagePositionPatient[2] = round(float(data.ImagePositionPatient[2]), 2)
    assert read_dicom_series(save_slices(slices)).geometry.spacing_mm[2] == (
        pytest.approx(1.3333, abs=2e-3)
    )


def test_a_turned_slice_is_refused(make_slices, save_slices):
    slices = make_slices()
    slices[3].ImageOrientationPatient = [0.9998, 0.02, 0, -0.02, 0.9998, 0]
    error = refused(ErrorCode.INCONSISTENT_ORIENTATION, save_slices(slices))
    assert error.where.rpartition("/")[2].startswith("IM")


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_a_slice_without_its_place_is_refused(make_slices, save_slices, keyword):
    slices = make_slices()
    del slices[2][keyword]
    refused(ErrorCode.MISSING_GEOMETRY, save_slices(slices))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImagePositionPatient", [0, 0, "1e300"]),
        ("PixelSpacing", ["1e-300", 1]),
        ("PixelSpacing", [-1, 1]),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
    ],
)
def test_a_slice_out_of_this_world_is_refused(make_slices, save_slices, keyword, value):
    slices = make_slices()
    setattr(slices[2], keyword, value)
    refused(ErrorCode.MISSING_GEOMETRY, save_slices(slices))


def test_pictures_without_a_place_are_no_volume(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = (
            SecondaryCaptureImageStorage
        )
        del data.ImagePositionPatient
    error = refused(ErrorCode.NOT_A_VOLUME, save_slices(slices))
    assert "12 x secondary capture" in error.what


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_slices_are_no_volume(make_slices, save_slices, count):
    refused(ErrorCode.NOT_A_VOLUME, save_slices(make_slices(count)))


def test_values_beyond_sixteen_bits_become_floats(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.PixelRepresentation = 0
        data.PixelData = np.full((7, 9), 60000, np.uint16).tobytes()
    volume = read_dicom_series(save_slices(slices))
    assert volume.array.dtype == np.float32
    assert volume.array.max() == 58976


def test_pixels_cut_off_are_noticed(make_slices, save_slices):
    folder = save_slices(make_slices())
    file = folder / "IM0003"
    file.write_bytes(file.read_bytes()[:-20])
    error = refused(ErrorCode.TRUNCATED_FILE, folder)
    assert error.where == str(file)


@pytest.mark.parametrize("kept", [0, 60, 200, 400])
def test_a_header_cut_off_is_noticed(make_slices, save_slices, kept):
    folder = save_slices(make_slices())
    file = (folder / "IM0003").rename(folder / "IM0003.dcm")
    file.write_bytes(file.read_bytes()[:kept])
    refused(ErrorCode.TRUNCATED_FILE, folder)


def test_an_unknown_encoding_is_named(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.file_meta.TransferSyntaxUID = MPEG2MPML
        data.PixelData = encapsulate([data.PixelData])
        data["PixelData"].is_undefined_length = True
    folder = save_slices(slices)
    error = refused(ErrorCode.UNSUPPORTED_ENCODING, folder)
    assert "MPEG2" in error.what


def test_the_series_is_chosen_by_its_uid(make_slices, save_slices):
    first, second = make_slices(), make_slices(5)
    folder = save_slices([*first, *second])
    with pytest.raises(WrongUse) as caught:
        read_dicom_series(folder)
    assert caught.value.code == ErrorCode.SEVERAL_SERIES
    for data in (first[0], second[0]):
        assert data.SeriesInstanceUID in caught.value.what
    assert "5 slices" in caught.value.what
    uid = second[0].SeriesInstanceUID
    for wanted in (uid, uid[-12:], uid[:-3]):
        assert_every_voxel_is_right(read_dicom_series(folder, wanted), second)
    with pytest.raises(WrongUse, match="UNKNOWN_SERIES"):
        read_dicom_series(folder, "1.2.3.4")
    with pytest.raises(WrongUse, match="fits several series"):
        read_dicom_series(folder, "1.2.")


def test_a_scout_series_beside_it_leaves_no_choice_to_make(make_slices, save_slices):
    slices = make_slices()
    scouts = make_slices(2, directions=CORONAL)
    volume = read_dicom_series(save_slices([*slices, *scouts]))
    assert_every_voxel_is_right(volume, slices)


def test_one_file_stands_for_its_series(make_slices, save_slices):
    slices = make_slices()
    folder = save_slices([*slices, *make_slices()])
    file = next(
        f
        for f in folder.iterdir()
        if slices[0].SeriesInstanceUID.encode() in f.read_bytes()
    )
    assert_every_voxel_is_right(read_dicom_series(file), slices)


def test_what_macos_leaves_beside_a_file_is_left_out(make_slices, save_slices):
    slices = make_slices()
    folder = save_slices(slices)
    (folder / "._IM0003.dcm").write_bytes(b"\0\5\x16\7 Mac OS X")
    (folder / ".DS_Store").write_bytes(b"Bud1")
    for path in (folder, folder / "IM0003"):
        assert_every_voxel_is_right(read_dicom_series(path), slices)


def test_an_enhanced_object_in_time_is_refused(enhanced_ct, save_slices):
    frames = list(enhanced_ct.PerFrameFunctionalGroupsSequence)
    for place, frame in enumerate(frames):
        frame.FrameContentSequence[0].TemporalPositionIndex = 1 + place % 2
        frame.PlanePositionSequence[0].ImagePositionPatient[2] = 100 + place // 2
    refused(ErrorCode.TEMPORAL_SERIES, save_slices([enhanced_ct]))


def test_names_and_hashes_say_nothing_of_the_patient(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.PatientName = "Doe^Jane"
    volume = read_dicom_series(save_slices(slices))
    assert volume.case_id.startswith("series-")
    assert "Doe" not in repr(volume)


def test_the_hash_depends_on_the_contents_only(make_slices, save_slices):
    slices = make_slices()
    first = read_dicom_series(save_slices(slices, "first")).sha256
    again = read_dicom_series(save_slices(slices[::-1], "again")).sha256
    slices[0].PixelData = slices[1].PixelData
    other = read_dicom_series(save_slices(slices, "other")).sha256
    assert first == again != other
