"""Series that other readers get wrong without a word: right, or refused.

Of these, SimpleITK, MONAI, dicom2nifti and highdicom each read some with wrong
geometry or values and no exception. The truth is what the test wrote.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    MRImageStorage,
)

import medseg
from medseg import ErrorCode, MedSegError, UnusableInput, WrongUse
from tests.core.io.studies import DIRECTIONS, OBLIQUE
from tests.core.io.truth import assert_every_voxel_is_right

Slices = list[FileDataset]
CORONAL = DIRECTIONS["coronal"]


@dataclass(frozen=True, kw_only=True)
class Right:
    """A series that can be read.

    Attributes:
        written: What lies in the folder.
        true: The slices that the volume must be made of.
        says: What its notes must speak of.
    """

    written: Slices
    true: Slices
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A series that must be refused.

    Attributes:
        written: What lies in the folder.
        code: Of the error.
        says: What it must speak of.
    """

    written: Slices
    code: ErrorCode
    says: str = ""


def right(written: Slices, says: str = "") -> Right:
    return Right(written=written, true=written, says=says)


def baseline(make):
    return right(make())


def coronal(make):
    return right(make(directions=CORONAL))


def sagittal(make):
    return right(make(directions=DIRECTIONS["sagittal"]))


def one_slice_missing(make):
    return Wrong(
        written=[s for n, s in enumerate(make()) if n != 5],
        code=ErrorCode.MISSING_SLICES,
        says=r"1 slice\(s\) are missing: 1 between IM.* \(110.0 to 115.0 mm\)",
    )


def three_slices_missing(make):
    return Wrong(
        written=[s for n, s in enumerate(make()) if n not in (4, 5, 6)],
        code=ErrorCode.MISSING_SLICES,
        says=r"3 slice\(s\) are missing: 3 between IM.* \(107.5 to 117.5 mm\)",
    )


def slices_missing_in_two_places(make):
    return Wrong(
        written=[s for n, s in enumerate(make()) if n not in (2, 8)],
        code=ErrorCode.MISSING_SLICES,
        says=r"2 slice\(s\) are missing: .*102.5 to 107.5 mm.*117.5 to 122.5 mm",
    )


def identical_duplicate(make):
    slices = make()
    again = make(uid=slices[0].SeriesInstanceUID)[4]
    return Right(written=[*slices, again], true=slices, says="1 x exact duplicate")


def different_duplicate(make):
    slices = make()
    other = make(uid=slices[0].SeriesInstanceUID)[4]
    other.PixelData = slices[7].PixelData
    return Wrong(
        written=[*slices, other],
        code=ErrorCode.DUPLICATE_POSITIONS,
        says="IM.* and IM.* are different pictures",
    )


def duplicate_a_quarter_of_a_step_away(make):
    slices = make()
    other = make(uid=slices[0].SeriesInstanceUID)[4]
    other.ImagePositionPatient[2] += 0.625
    return Wrong(written=[*slices, other], code=ErrorCode.VARIABLE_SPACING)


def two_series_in_one_folder(make):
    return Wrong(
        written=[*make(20), *make(20)],
        code=ErrorCode.SEVERAL_SERIES,
        says="2 series: .*20 slices.*20 slices",
    )


def marked_localizer_of_the_same_uid(make):
    slices, scout = with_scout(make)
    scout.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    return Right(written=[*slices, scout], true=slices, says="localizer")


def unmarked_localizer_of_the_same_uid(make):
    slices, scout = with_scout(make)
    return Right(written=[*slices, scout], true=slices, says="unmarked localizer")


def with_scout(make):
    slices = make(20)
    scout = make(1, directions=CORONAL, uid=slices[0].SeriesInstanceUID)[0]
    scout.PixelSpacing = [3, 3]
    return slices, scout


def gantry_tilt(make):
    slices = make()
    for number, data in enumerate(slices):
        data.ImagePositionPatient[1] += number * 2.5 * np.tan(np.radians(20))
    return Wrong(written=slices, code=ErrorCode.GANTRY_TILT, says="20.0 degrees")


def spacing_that_doubles_half_way(make):
    slices = make(20)
    for number, data in enumerate(slices[10:]):
        data.ImagePositionPatient[2] += 2.5 * (number + 1)
    return Wrong(
        written=slices, code=ErrorCode.VARIABLE_SPACING, says="2.50 to 5.00 mm"
    )


def instance_numbers_shuffled(make):
    slices = make()
    for place, data in enumerate(slices):
        data.InstanceNumber = (place * 5) % 12
    return right(slices)


def instance_numbers_all_one(make):
    slices = make()
    for data in slices:
        data.InstanceNumber = 1
    return right(slices)


def one_slice_of_other_pixel_spacing(make):
    slices = make()
    slices[3].PixelSpacing = [0.8, 1.21]
    return Wrong(
        written=slices, code=ErrorCode.INCONSISTENT_SPACING, says=r"\(1.21, 0.8\) mm"
    )


def one_slice_of_other_matrix(make):
    slices = make()
    slices[3].Rows, slices[3].Columns = 9, 7
    return Wrong(
        written=slices, code=ErrorCode.INCONSISTENT_MATRIX, says="7 x 9 pixels"
    )


def one_slice_turned(make):
    slices = make()
    slices[3].ImageOrientationPatient = [0.9998, 0.02, 0, -0.02, 0.9998, 0]
    return Wrong(
        written=slices, code=ErrorCode.INCONSISTENT_ORIENTATION, says="1.1 degrees"
    )


def pixels_of_one_slice_cut_off(make):
    slices = make()
    slices[3].PixelData = slices[3].PixelData[:-20]
    return Wrong(written=slices, code=ErrorCode.TRUNCATED_FILE)


def slope_one_then_fraction(make):
    return right(sloped(make, 1.25))


def slope_one_then_half(make):
    return right(sloped(make, 0.5))


def sloped(make, slope):
    slices = make()
    for data in slices[1:]:
        data.RescaleSlope = slope
    return slices


def slope_zero(make):
    return Wrong(
        written=sloped(make, 0), code=ErrorCode.INVALID_HEADER, says="slope is 0"
    )


def slope_too_large_for_any_number(make):
    return Wrong(
        written=sloped(make, "1E400"),
        code=ErrorCode.INVALID_HEADER,
        says="not a number",
    )


def slope_in_some_slices_only(make):
    slices = make()
    for data in slices[2:4]:
        del data.RescaleSlope, data.RescaleIntercept
    return Wrong(
        written=slices, code=ErrorCode.INVALID_HEADER, says="which others have"
    )


def slope_of_nearly_nothing(make):
    return Wrong(
        written=sloped(make, "1E-50"), code=ErrorCode.INVALID_HEADER, says="is 1e-50"
    )


def intercepts(make, intercept):
    slices = make()
    for data in slices:
        data.RescaleIntercept = intercept
    return Wrong(
        written=slices, code=ErrorCode.INVALID_HEADER, says="intercept is .* far above"
    )


def intercept_at_the_end_of_int32(make):
    return intercepts(make, "2147483000")


def intercept_beyond_int32(make):
    return intercepts(make, "3000000000")


def intercept_beyond_float32(make):
    return intercepts(make, "1E300")


def values_in_a_table(make):
    slices = make()
    for data in slices:
        del data.RescaleSlope, data.RescaleIntercept
        data.ModalityLUTSequence = DicomSequence([Dataset()])
    return Wrong(
        written=slices, code=ErrorCode.UNSUPPORTED_ENCODING, says="Modality LUT"
    )


def monochrome1(make):
    slices = make()
    for data in slices:
        data.PhotometricInterpretation = "MONOCHROME1"
    return right(slices, "MONOCHROME1: values kept as they are, not inverted")


def twelve_bit_signed_without_sign_extension(make):
    true = make()
    for number, data in enumerate(true):
        pixels = np.linspace(-2048, 2047, 63).astype(np.int16) // (number + 1)
        data.PixelData = pixels.tobytes()
    written = copy.deepcopy(true)
    for data in written:
        data.BitsStored, data.HighBit = 12, 11
        pixels = np.frombuffer(data.PixelData, np.uint16) & 0x0FFF
        data.PixelData = pixels.tobytes()
    return Right(written=written, true=true)


def twelve_bits_at_the_high_end(make):
    slices = make()
    for data in slices:
        data.BitsStored, data.HighBit = 12, 15
    return Wrong(
        written=slices, code=ErrorCode.INVALID_HEADER, says="bit 4, not at the lowest"
    )


def half_of_the_rows_everywhere(make):
    return claims(make, Rows=3)


def half_of_the_bits_everywhere(make):
    return claims(make, BitsAllocated=8, BitsStored=8, HighBit=7)


def claims(make, **values):
    slices = make()
    for data in slices:
        for keyword, value in values.items():
            setattr(data, keyword, value)
    return Wrong(
        written=slices,
        code=ErrorCode.INVALID_HEADER,
        says="asks for .* bytes of pixels and 126 are there",
    )


def last_slice_of_another_kind(make):
    slices = make()
    slices[-1].SOPClassUID = MRImageStorage
    return Wrong(
        written=slices, code=ErrorCode.INVALID_HEADER, says="another kind of image"
    )


def two_kinds_of_image(make):
    slices = make()
    for data in slices[6:]:
        data.SOPClassUID = MRImageStorage
    return Wrong(
        written=slices,
        code=ErrorCode.INVALID_HEADER,
        says="2 volumes: #1 6 axial .*; #2 6 axial",
    )


def slices_that_turn_little_by_little(make):
    slices = make()
    for number, data in enumerate(slices):
        angle = np.radians(0.09 * number / 11)
        row = (np.cos(angle), np.sin(angle), 0, -np.sin(angle), np.cos(angle), 0)
        data.ImageOrientationPatient = [f"{value:.9f}" for value in row]
        data.PixelSpacing = [80, 120]
    return Wrong(
        written=slices,
        code=ErrorCode.INCONSISTENT_ORIENTATION,
        says="a corner is 1.69 mm from where",
    )


def slices_too_close_to_be_told_apart(make):
    slices = make(20, step_mm=0.015)
    for data in slices:
        data.PixelData = bytes(len(data.PixelData))
    return Wrong(
        written=slices, code=ErrorCode.NOT_A_VOLUME, says="at 1 position.*0.02 mm"
    )


def two_stacks_in_one_series(make):
    slices = make(20)
    small = make(8, uid=slices[0].SeriesInstanceUID, first_lps_mm=(0, 0, 300))
    for data in small:
        data.PixelSpacing = [1.6, 2.4]
    return Wrong(
        written=[*slices, *small],
        code=ErrorCode.INCONSISTENT_SPACING,
        says="2 volumes: #1 20 axial slices of 9 x 7 pixels of 1.2 x 0.8 mm; "
        "#2 8 axial slices of 9 x 7 pixels of 2.4 x 1.6 mm",
    )


def three_planes_in_one_series(make):
    slices = make(5)
    uid = slices[0].SeriesInstanceUID
    for plane in ("coronal", "sagittal"):
        slices += make(5, directions=DIRECTIONS[plane], uid=uid)
    return Wrong(
        written=slices,
        code=ErrorCode.INCONSISTENT_ORIENTATION,
        says="3 volumes: #1 5 axial .*; #2 5 coronal .*; #3 5 sagittal ",
    )


def two_echoes_in_one_series(make):
    return Wrong(
        written=echoes(make),
        code=ErrorCode.TEMPORAL_SERIES,
        says="2 volumes of the same place .* #1 EchoTime 2.3, 12 axial slices .*; "
        "#2 EchoTime 12, 12 ",
    )


def echoes(make):
    first = make()
    second = make(uid=first[0].SeriesInstanceUID)
    for time, slices in ((2.3, first), (12, second)):
        for data in slices:
            data.EchoTime = time
    for data in second:
        data.RescaleIntercept = 0
    return [*first, *second]


ROWS: list[Callable[..., Right | Wrong]] = [
    baseline,
    coronal,
    sagittal,
    one_slice_missing,
    three_slices_missing,
    slices_missing_in_two_places,
    identical_duplicate,
    different_duplicate,
    duplicate_a_quarter_of_a_step_away,
    two_series_in_one_folder,
    marked_localizer_of_the_same_uid,
    unmarked_localizer_of_the_same_uid,
    gantry_tilt,
    spacing_that_doubles_half_way,
    instance_numbers_shuffled,
    instance_numbers_all_one,
    one_slice_of_other_pixel_spacing,
    one_slice_of_other_matrix,
    one_slice_turned,
    pixels_of_one_slice_cut_off,
    slope_one_then_fraction,
    slope_one_then_half,
    slope_zero,
    slope_too_large_for_any_number,
    slope_of_nearly_nothing,
    slope_in_some_slices_only,
    intercept_at_the_end_of_int32,
    intercept_beyond_int32,
    intercept_beyond_float32,
    values_in_a_table,
    monochrome1,
    twelve_bit_signed_without_sign_extension,
    twelve_bits_at_the_high_end,
    half_of_the_rows_everywhere,
    half_of_the_bits_everywhere,
    last_slice_of_another_kind,
    two_kinds_of_image,
    slices_that_turn_little_by_little,
    slices_too_close_to_be_told_apart,
    two_stacks_in_one_series,
    three_planes_in_one_series,
    two_echoes_in_one_series,
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_tricky_series_is_right_or_refused(make_slices, save_slices, row):
    series = row(make_slices)
    folder = save_slices(series.written)
    if isinstance(series, Right):
        volume = medseg.read_volume(folder)
        assert_every_voxel_is_right(volume, series.true, within_mm=1e-6)
        assert series.says in "; ".join(volume.notes)
        assert bool(volume.notes) == bool(series.says)
    else:
        with pytest.raises(MedSegError, match=series.says or None) as caught:
            medseg.read_volume(folder)
        assert caught.value.code == series.code
        is_choice = series.code is ErrorCode.SEVERAL_SERIES
        assert isinstance(caught.value, WrongUse if is_choice else UnusableInput)
        assert caught.value.remedy


def test_an_enhanced_ct_is_right(enhanced_ct, make_slices, save_slices):
    volume = medseg.read_volume(save_slices([enhanced_ct]))
    assert_every_voxel_is_right(volume, make_slices(), within_mm=1e-6)


@pytest.mark.parametrize("frames", [7, 24])
def test_another_number_of_frames_than_described_is_refused(
    enhanced_ct, save_slices, frames
):
    enhanced_ct.NumberOfFrames = frames
    with pytest.raises(UnusableInput, match=f"INVALID_HEADER.*{frames} frames and"):
        medseg.read_volume(save_slices([enhanced_ct]))


def test_deflated_slices_of_half_their_rows_are_refused(make_slices, save_slices):
    slices = make_slices()
    for data in slices:
        data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        data.Rows = 3
    with pytest.raises(UnusableInput, match=r"INVALID_HEADER.*bytes of pixels"):
        medseg.read_volume(save_slices(slices))


def test_an_enhanced_mr_with_a_slope_for_each_frame_is_right(
    enhanced_ct, make_slices, save_slices
):
    enhanced_ct.Modality = "MR"
    enhanced_ct.SOPClassUID = EnhancedMRImageStorage
    enhanced_ct.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    del enhanced_ct.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    slices = make_slices()
    heights = {float(data.ImagePositionPatient[2]): data for data in slices}
    for number, frame in enumerate(enhanced_ct.PerFrameFunctionalGroupsSequence):
        rescale = Dataset()
        rescale.RescaleSlope, rescale.RescaleIntercept = 1 + number / 8, number
        frame.PixelValueTransformationSequence = DicomSequence([rescale])
        height = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        heights[height].RescaleSlope = rescale.RescaleSlope
        heights[height].RescaleIntercept = rescale.RescaleIntercept
    volume = medseg.read_volume(save_slices([enhanced_ct]))
    assert_every_voxel_is_right(volume, slices, within_mm=1e-6)
    assert volume.channels == ("MR",)


def test_directions_of_more_than_sixteen_characters_are_right(make_slices, save_slices):
    slices = make_slices(directions=OBLIQUE)
    folder = save_slices(slices)
    for file in folder.iterdir():
        content = file.read_bytes()
        place = content.index(b"\x20\x00\x37\x00DS") + 6
        length = int.from_bytes(content[place : place + 2], "little")
        numbers = content[place + 2 : place + 2 + length].strip().split(b"\\")
        value = b"\\".join(number + b"000000000" for number in numbers)
        value += b" " * (len(value) % 2)
        size = len(value).to_bytes(2, "little")
        rest = content[place + 2 + length :]
        file.write_bytes(content[:place] + size + value + rest)
    volume = medseg.read_volume(folder)
    assert_every_voxel_is_right(volume, slices, within_mm=2e-6)  # positions: 6 digits


def test_a_stack_of_several_is_chosen_by_its_number(make_slices, save_slices):
    slices = make_slices(20)
    uid = slices[0].SeriesInstanceUID
    across = make_slices(6, directions=CORONAL, uid=uid)
    folder = save_slices([*slices, *across])
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(folder)
    assert f"--series {uid}#1 to #2" in caught.value.remedy
    volumes = [medseg.read_volume(folder, series=f"{uid}#{n}") for n in (1, 2)]
    assert_every_voxel_is_right(volumes[0], slices)
    assert_every_voxel_is_right(volumes[1], across)
    assert_every_voxel_is_right(
        medseg.read_volume(folder, series=f"{uid[-12:]}#2"), across
    )
    assert volumes[0].case_id != volumes[1].case_id
    for wrong in ("0", "3", "01", "x"):
        with pytest.raises(WrongUse, match=r"UNKNOWN_SERIES.*#1 20 axial"):
            medseg.read_volume(folder, series=f"{uid}#{wrong}")


def test_a_point_in_time_is_chosen_by_its_number(make_slices, save_slices):
    slices = echoes(make_slices)
    folder = save_slices(slices)
    uid = slices[0].SeriesInstanceUID
    for number, echo in ((1, slices[:12]), (2, slices[12:])):
        volume = medseg.read_volume(folder, series=f"{uid}#{number}")
        assert_every_voxel_is_right(volume, echo)
