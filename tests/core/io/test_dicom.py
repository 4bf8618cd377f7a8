"""DICOM series: right in every voxel, or refused with the reason."""

import itertools

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

CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
OBLIQUE = tuple(
    Rotation.from_euler("xyz", [20, -35, 10], degrees=True).as_matrix()[:2].flat
)


def refused(code, folder, **options):
    with pytest.raises(UnusableInput) as caught:
        read_dicom_series(folder, **options)
    assert caught.value.code == code
    return caught.value


def along_normal(data):
    directions = np.reshape(data.ImageOrientationPatient, (2, 3)).astype(float)
    return float(np.cross(*directions) @ np.array(data.ImagePositionPatient, float))


def assert_every_voxel_is_right(volume, slices):
    """Compare with the position formula of DICOM PS3.3 C.7.6.2.1.1."""
    slices = sorted(slices, key=along_normal)
    assert volume.geometry.shape == (slices[0].Columns, slices[0].Rows, len(slices))
    for k, data in enumerate(slices):
        stored = np.frombuffer(data.PixelData, np.int16).reshape(
            data.Rows, data.Columns
        )
        expected = stored * float(data.RescaleSlope) + float(data.RescaleIntercept)
        assert_allclose(volume.array[0, :, :, k], expected.T)
        row, column = np.reshape(data.ImageOrientationPatient, (2, 3)).astype(float)
        for i, j in itertools.product((0, data.Columns - 1), (0, data.Rows - 1)):
            place_lps = (
                np.array(data.ImagePositionPatient, dtype=float)
                + row * i * float(data.PixelSpacing[1])
                + column * j * float(data.PixelSpacing[0])
            )
            place_ras = place_lps * (-1, -1, 1)
            assert_allclose(volume.geometry.to_world([i, j, k]), place_ras, atol=1e-4)


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


@pytest.mark.parametrize("numbers", [None, 1])
def test_instance_numbers_do_not_matter(make_slices, save_slices, numbers):
    slices = make_slices()
    for place, data in enumerate(slices):
        data.InstanceNumber = numbers or (place * 5) % 12
    assert_every_voxel_is_right(read_dicom_series(save_slices(slices)), slices)


@pytest.mark.parametrize(("gone", "count"), [([5], 1), ([4, 5, 6], 3), ([2, 8], 2)])
def test_missing_slices_are_counted_and_placed(make_slices, save_slices, gone, count):
    slices = [s for n, s in enumerate(make_slices()) if n not in gone]
    error = refused(ErrorCode.MISSING_SLICES, save_slices(slices))
    assert f"{count} slice(s) are missing" in error.what
    assert f"({97.5 + 2.5 * gone[0]:.1f} to" in error.what


def test_an_exact_duplicate_is_left_out_and_noted(make_slices, save_slices):
    slices = make_slices()
    again = make_slices(uid=slices[0].SeriesInstanceUID)[4]
    volume = read_dicom_series(save_slices([*slices, again]))
    assert_every_voxel_is_right(volume, slices)
    assert any("duplicate" in note for note in volume.notes)


def test_two_pictures_of_one_place_are_refused(make_slices, save_slices):
    slices = make_slices()
    other = make_slices(uid=slices[0].SeriesInstanceUID)[4]
    other.PixelData = slices[7].PixelData
    error = refused(ErrorCode.DUPLICATE_POSITIONS, save_slices([*slices, other]))
    assert "IM" in error.what


def test_a_series_in_time_is_refused(make_slices, save_slices):
    first = make_slices()
    second = make_slices(uid=first[0].SeriesInstanceUID)
    for data in second:
        data.AcquisitionNumber = 2
    error = refused(ErrorCode.TEMPORAL_SERIES, save_slices([*first, *second]))
    assert "2 volumes" in error.what


def test_a_tilted_gantry_is_refused_with_its_angle(make_slices, save_slices):
    slices = make_slices()
    for number, data in enumerate(slices):
        data.ImagePositionPatient[1] += number * 2.5 * np.tan(np.radians(20))
    assert "20.0 degrees" in refused(ErrorCode.GANTRY_TILT, save_slices(slices)).what


def test_a_slice_out_of_line_is_refused(make_slices, save_slices):
    slices = make_slices()
    slices[5].ImagePositionPatient[0] += 3
    error = refused(ErrorCode.VARIABLE_SPACING, save_slices(slices))
    assert "sideways" in error.what


def test_uneven_spacing_is_refused_with_its_range(make_slices, save_slices):
    slices = make_slices(20)
    for number, data in enumerate(slices[10:]):
        data.ImagePositionPatient[2] += 2.5 * (number + 1)
    error = refused(ErrorCode.VARIABLE_SPACING, save_slices(slices))
    assert "2.50 to 5.00 mm" in error.what


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


def test_another_matrix_is_refused(make_slices, save_slices):
    slices = make_slices()
    slices[3].Rows, slices[3].Columns = 9, 7
    refused(ErrorCode.INCONSISTENT_MATRIX, save_slices(slices))


def test_another_pixel_size_is_refused(make_slices, save_slices):
    slices = make_slices()
    slices[3].PixelSpacing = [0.8, 1.21]
    refused(ErrorCode.INCONSISTENT_SPACING, save_slices(slices))


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_localizer_of_the_same_series_is_left_out(
    make_slices, save_slices, is_marked
):
    slices = make_slices(20)
    scout = make_slices(1, directions=CORONAL, uid=slices[0].SeriesInstanceUID)[0]
    scout.PixelSpacing = [3, 3]
    if is_marked:
        scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    volume = read_dicom_series(save_slices([*slices, scout]))
    assert_every_voxel_is_right(volume, slices)
    assert any("localizer" in note for note in volume.notes)


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_a_slice_without_its_place_is_refused(make_slices, save_slices, keyword):
    slices = make_slices()
    del slices[2][keyword]
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


def test_each_slice_is_rescaled_by_its_own_slope(make_slices, save_slices):
    slices = make_slices()
    for number, data in enumerate(slices):
        data.RescaleSlope = 1 if number == 0 else 1.25
    volume = read_dicom_series(save_slices(slices))
    assert_every_voxel_is_right(volume, slices)
    assert volume.array.dtype == np.float32


def test_monochrome1_is_never_inverted(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.PhotometricInterpretation = "MONOCHROME1"
    volume = read_dicom_series(save_slices(slices))
    assert_every_voxel_is_right(volume, slices)
    assert any("MONOCHROME1" in note for note in volume.notes)


def test_twelve_bit_signed_pixels_keep_their_sign(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.BitsStored, data.HighBit = 12, 11
        data.PixelData = np.full((7, 9), -1000 & 0x0FFF, np.uint16).tobytes()
    volume = read_dicom_series(save_slices(slices))
    assert np.unique(volume.array).tolist() == [-2024]


def test_values_beyond_sixteen_bits_become_floats(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.PixelRepresentation = 0
        data.PixelData = np.full((7, 9), 60000, np.uint16).tobytes()
    volume = read_dicom_series(save_slices(slices))
    assert volume.array.dtype == np.float32
    assert volume.array.max() == 58976


def test_an_overlong_number_is_read_all_the_same(make_slices, save_slices):
    slices = make_slices(directions=OBLIQUE)
    folder = save_slices(slices)
    for file in folder.iterdir():
        content = file.read_bytes()
        place = content.index(b"\x20\x00\x37\x00DS") + 6
        length = int.from_bytes(content[place : place + 2], "little")
        numbers = content[place + 2 : place + 2 + length].strip().split(b"\\")
        numbers[0] = numbers[0] + b"000000000"
        value = b"\\".join(numbers)
        value += b" " * (len(value) % 2)
        size = len(value).to_bytes(2, "little")
        rest = content[place + 2 + length :]
        file.write_bytes(content[:place] + size + value + rest)
    assert_every_voxel_is_right(read_dicom_series(folder), slices)


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


def test_an_enhanced_multi_frame_object_is_the_same_volume(
    enhanced_ct, make_slices, save_slices
):
    volume = read_dicom_series(save_slices([enhanced_ct]))
    assert_every_voxel_is_right(volume, make_slices())


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
