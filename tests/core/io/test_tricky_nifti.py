"""NIfTI files that other readers get wrong without a word: right, or refused.

SimpleITK takes the qform where both forms disagree and gives zeros for voxels that
are cut off; MONAI drops an sform with NaN. The truth is what the test wrote.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from numpy.testing import assert_allclose, assert_array_equal

import medseg
from medseg import ErrorCode, UnusableInput

SHAPE = (5, 6, 7)
AFFINE = np.array([[0.0, -2, 0, 40], [3, 0, 0, -25], [0, 0, 4, 310], [0, 0, 0, 1]])
VALUES = np.random.default_rng(0).integers(-1000, 3000, SHAPE).astype(np.int16)
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
RGBA = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])


@dataclass(frozen=True, kw_only=True)
class Right:
    """A file that can be read.

    Attributes:
        content: Its bytes, not packed.
        affine: Where its voxels are.
        values: What they hold.
        says: What the notes must speak of.
    """

    content: bytes
    affine: np.ndarray
    values: np.ndarray
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A file that must be refused.

    Attributes:
        content: Its bytes, not packed.
        code: Of the error.
        says: What it must speak of.
    """

    content: bytes
    code: ErrorCode
    says: str | None = None


def made(change=None, values=VALUES, affine=AFFINE):
    """Bytes of a file by nibabel; `change` edits its header, unchecked."""
    image = nib.Nifti1Image(values, affine, dtype=values.dtype)
    image.set_sform(affine, 2)
    content = bytearray(image.to_bytes())
    if change is not None:
        header = nib.Nifti1Header(bytes(content[:348]), check=False)
        change(header)
        content[:348] = header.binaryblock
    return bytes(content)


def changed(**fields):
    """Bytes of a file with other values in some fields of its header."""

    def change(header):
        for name, value in fields.items():
            header[name] = value

    return made(change)


def with_dimensions(*dimensions):
    return changed(dim=[*dimensions, *[1] * (8 - len(dimensions))])


def baseline():
    return Right(content=made(), affine=AFFINE, values=VALUES)


def sform_and_qform_apart():
    return Wrong(
        content=changed(qform_code=1, qoffset_x=AFFINE[0, 3] + 12),
        code=ErrorCode.SFORM_QFORM_CONFLICT,
        says="12.0 mm apart",
    )


def sform_and_qform_turned():
    return Wrong(
        content=changed(qform_code=1, quatern_b=0, quatern_c=0, quatern_d=0),
        code=ErrorCode.SFORM_QFORM_CONFLICT,
        says=r"\d+\.\d mm apart",
    )


def sform_and_qform_a_little_apart():
    return Right(
        content=changed(qform_code=1, qoffset_x=AFFINE[0, 3] + 0.4),
        affine=AFFINE,
        values=VALUES,
        says="0.40 mm apart",
    )


def qform_alone():
    return Right(
        content=changed(sform_code=0, qform_code=1), affine=AFFINE, values=VALUES
    )


def neither_sform_nor_qform():
    affine = np.diag([-3.0, 2, 4, 1])  # as nibabel has it: centred, x to the left
    affine[:3, 3] = (6, -5, -12)
    return Right(
        content=changed(sform_code=0, qform_code=0),
        affine=affine,
        values=VALUES,
        says="orientation unknown",
    )


def neither_form_nor_voxel_sizes():
    return Wrong(
        content=changed(sform_code=0, qform_code=0, pixdim=[1, 3, 2, 0, 0, 0, 0, 0]),
        code=ErrorCode.INVALID_HEADER,
        says="pixdim",
    )


def sheared():
    affine = AFFINE.copy()
    affine[0, 0] = 0.15
    return Wrong(
        content=made(lambda header: header.__setitem__("qform_code", 0), affine=affine),
        code=ErrorCode.SHEARED_AFFINE,
        says="2.86 degrees",
    )


def voxel_size_zero_beside_an_sform():
    return voxel_size_beside_an_sform(0)


def voxel_size_negative_beside_an_sform():
    return voxel_size_beside_an_sform(-4)


def voxel_size_nan_beside_an_sform():
    return voxel_size_beside_an_sform(np.nan)


def voxel_size_beside_an_sform(size_mm):
    return Right(
        content=changed(pixdim=[1, 3, 2, size_mm, 1, 1, 1, 1], qform_code=1),
        affine=AFFINE,
        values=VALUES,
        says="pixdim not used",
    )


def voxel_size_zero_beside_a_qform():
    return voxel_size_beside_a_qform(0)


def voxel_size_negative_beside_a_qform():
    return voxel_size_beside_a_qform(-4)


def voxel_size_nan_beside_a_qform():
    return voxel_size_beside_a_qform(np.nan)


def voxel_size_beside_a_qform(size_mm):
    return Wrong(
        content=changed(
            pixdim=[1, 3, 2, size_mm, 1, 1, 1, 1], sform_code=0, qform_code=1
        ),
        code=ErrorCode.INVALID_HEADER,
        says="pixdim",
    )


def nan_in_the_sform():
    return Wrong(
        content=changed(srow_z=[np.nan, 0, 4, 310]),
        code=ErrorCode.INVALID_HEADER,
        says="NaN",
    )


def infinity_in_the_sform():
    return Wrong(
        content=changed(srow_z=[0, 0, 4, np.inf]), code=ErrorCode.INVALID_HEADER
    )


def an_axis_without_extent():
    return Wrong(content=changed(srow_z=[0, 0, 0, 5]), code=ErrorCode.INVALID_HEADER)


def two_axes_along_each_other():
    return Wrong(
        content=changed(srow_x=[2, 2, 0, 0], srow_y=[3, 3, 0, 0]),
        code=ErrorCode.INVALID_HEADER,
        says="along each other",
    )


def quaternion_that_is_no_rotation():
    return Wrong(
        content=changed(sform_code=0, qform_code=1, quatern_b=1, quatern_c=1),
        code=ErrorCode.INVALID_HEADER,
    )


def last_voxel_cut_off():
    return Wrong(content=made()[:-1], code=ErrorCode.TRUNCATED_FILE)


def most_voxels_cut_off():
    return Wrong(content=made()[:-300], code=ErrorCode.TRUNCATED_FILE)


def all_voxels_cut_off():
    return Wrong(content=made()[:352], code=ErrorCode.TRUNCATED_FILE)


def header_cut_off():
    return Wrong(content=made()[:300], code=ErrorCode.NOT_AN_IMAGE)


def dimensions_as_large_as_can_be():
    return Wrong(
        content=with_dimensions(3, 32767, 32767, 32767),
        code=ErrorCode.TOO_LARGE,
        says="GiB",
    )


def more_voxels_than_the_file_can_hold():
    return Wrong(
        content=with_dimensions(3, 1000, 1000, 1000), code=ErrorCode.TRUNCATED_FILE
    )


def dimension_negative():
    return Wrong(content=with_dimensions(3, -5, 6, 7), code=ErrorCode.INVALID_HEADER)


def dimension_zero():
    return Wrong(content=with_dimensions(3, 5, 0, 7), code=ErrorCode.INVALID_HEADER)


def no_dimensions():
    return Wrong(content=with_dimensions(0, 5, 6, 7), code=ErrorCode.INVALID_HEADER)


def nine_dimensions():
    return Wrong(content=with_dimensions(9, 5, 6, 7), code=ErrorCode.INVALID_HEADER)


def a_picture():
    return Wrong(content=with_dimensions(2, 5, 42), code=ErrorCode.NOT_A_VOLUME)


def four_dimensions():
    return Wrong(
        content=with_dimensions(4, 5, 6, 1, 7),
        code=ErrorCode.CHANNEL_MISMATCH,
        says="7 volumes: channels, or points in time",
    )


def five_dimensions():
    return Wrong(content=with_dimensions(5, 5, 6, 1, 1, 7), code=ErrorCode.NOT_A_VOLUME)


def one_in_the_fourth_dimension():
    return Right(content=with_dimensions(4, 5, 6, 7, 1), affine=AFFINE, values=VALUES)


def voxels_nan():
    return not_finite(np.nan)


def voxels_infinite():
    return not_finite(-np.inf)


def voxels_too_large_for_float32():
    return not_finite(1e300)


def not_finite(value):
    values = VALUES.astype(np.float64)
    values[1, 2, 3] = values[4, 4, 4] = value
    return Wrong(
        content=made(values=values), code=ErrorCode.NOT_FINITE, says="2 of 210 voxels"
    )


def slope_that_leaves_sixteen_bits():
    return Right(
        content=changed(scl_slope=1000, scl_inter=7),
        affine=AFFINE,
        values=VALUES.astype(np.float32) * 1000 + 7,
    )


def slope_that_leaves_float32():
    return Wrong(content=changed(scl_slope=1e38), code=ErrorCode.NOT_FINITE)


def slope_zero_which_means_none():
    return Right(
        content=changed(scl_slope=0, scl_inter=50), affine=AFFINE, values=VALUES
    )


def slope_nan_which_means_none():
    return Right(content=changed(scl_slope=np.nan), affine=AFFINE, values=VALUES)


def intercept_infinite():
    return Wrong(
        content=changed(scl_slope=2, scl_inter=np.inf), code=ErrorCode.INVALID_HEADER
    )


def red_green_blue():
    return Wrong(
        content=made(values=np.zeros(SHAPE, RGB)),
        code=ErrorCode.NOT_AN_IMAGE,
        says="colours",
    )


def red_green_blue_alpha():
    return Wrong(
        content=made(values=np.zeros(SHAPE, RGBA)), code=ErrorCode.NOT_AN_IMAGE
    )


def complex_numbers():
    return Wrong(
        content=made(values=np.zeros(SHAPE, np.complex64)), code=ErrorCode.NOT_AN_IMAGE
    )


def a_type_that_does_not_exist():
    return Wrong(content=changed(datatype=3333), code=ErrorCode.INVALID_HEADER)


def voxels_that_begin_in_the_header():
    return Wrong(content=changed(vox_offset=100), code=ErrorCode.INVALID_HEADER)


def voxels_that_begin_behind_the_end():
    return Wrong(content=changed(vox_offset=1e9), code=ErrorCode.TRUNCATED_FILE)


def voxels_that_begin_nowhere():
    return Wrong(content=changed(vox_offset=np.nan), code=ErrorCode.INVALID_HEADER)


ROWS: list[Callable[[], Right | Wrong]] = [
    baseline,
    sform_and_qform_apart,
    sform_and_qform_turned,
    sform_and_qform_a_little_apart,
    qform_alone,
    neither_sform_nor_qform,
    neither_form_nor_voxel_sizes,
    sheared,
    voxel_size_zero_beside_an_sform,
    voxel_size_negative_beside_an_sform,
    voxel_size_nan_beside_an_sform,
    voxel_size_zero_beside_a_qform,
    voxel_size_negative_beside_a_qform,
    voxel_size_nan_beside_a_qform,
    nan_in_the_sform,
    infinity_in_the_sform,
    an_axis_without_extent,
    two_axes_along_each_other,
    quaternion_that_is_no_rotation,
    last_voxel_cut_off,
    most_voxels_cut_off,
    all_voxels_cut_off,
    header_cut_off,
    dimensions_as_large_as_can_be,
    more_voxels_than_the_file_can_hold,
    dimension_negative,
    dimension_zero,
    no_dimensions,
    nine_dimensions,
    a_picture,
    four_dimensions,
    five_dimensions,
    one_in_the_fourth_dimension,
    voxels_nan,
    voxels_infinite,
    voxels_too_large_for_float32,
    slope_that_leaves_sixteen_bits,
    slope_that_leaves_float32,
    slope_zero_which_means_none,
    slope_nan_which_means_none,
    intercept_infinite,
    red_green_blue,
    red_green_blue_alpha,
    complex_numbers,
    a_type_that_does_not_exist,
    voxels_that_begin_in_the_header,
    voxels_that_begin_behind_the_end,
    voxels_that_begin_nowhere,
]


def refused(code, path, **options):
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(path, **options)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_tricky_file_is_right_or_refused(tmp_path, row, suffix):
    file, path = row(), tmp_path / f"scan{suffix}"
    is_packed = suffix == ".nii.gz"
    path.write_bytes(gzip.compress(file.content) if is_packed else file.content)
    if isinstance(file, Right):
        volume = medseg.read_volume(path)
        assert_allclose(volume.geometry.affine, file.affine, rtol=0, atol=1e-5)
        assert_allclose(volume.array[0], file.values, rtol=1e-6)
        assert file.says in "; ".join(volume.notes)
        assert bool(volume.notes) == bool(file.says)
    else:
        with pytest.raises(UnusableInput, match=file.says) as caught:
            medseg.read_volume(path)
        assert caught.value.code == file.code


@pytest.mark.parametrize("kept", [2, 10, 18, 100, 300, -9, -8, -4, -1])
def test_a_packed_file_cut_off_anywhere_is_refused(tmp_path, kept):
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(made())[:kept])
    refused(ErrorCode.TRUNCATED_FILE, path)


def test_a_small_file_that_unpacks_without_end_is_refused(tmp_path):
    """One tenth of a megabyte that would be a hundred, behind the last voxel."""
    packer = zlib.compressobj(9, wbits=31)
    path = tmp_path / "bomb.nii.gz"
    with path.open("wb") as file:
        file.write(packer.compress(made()))
        for _ in range(100):
            file.write(packer.compress(bytes(2**20)))
        file.write(packer.flush())
    assert path.stat().st_size < 2**18
    assert "after its last voxel" in refused(ErrorCode.INVALID_HEADER, path).what


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
class TestNrrdAndMetaImage:
    """The same for what SimpleITK reads."""

    def save(self, path, values=VALUES, change=None, *, is_vector=False):
        image = sitk.GetImageFromArray(values.T.copy(), isVector=is_vector)
        if change is not None:
            change(image)
        sitk.WriteImage(image, str(path), useCompression=False)
        return path

    def replaced(self, path, *pairs):
        content = path.read_bytes()
        for old, new in pairs:
            content = content.replace(old, new)
        path.write_bytes(content)
        return path

    def test_an_oblique_file_is_right(self, tmp_path, suffix):
        def place(image):
            lps = np.diag([-1, -1, 1, 1]) @ AFFINE
            image.SetSpacing((3, 2, 4))
            image.SetDirection((lps[:3, :3] / (3, 2, 4)).flatten().tolist())
            image.SetOrigin(lps[:3, 3].tolist())

        path = self.save(tmp_path / f"scan{suffix}", change=place)
        volume = medseg.read_volume(path)
        assert_allclose(volume.geometry.affine, AFFINE, rtol=0, atol=1e-9)
        assert_array_equal(volume.array[0], VALUES)

    @pytest.mark.parametrize("lost", [1, 100, 400])
    def test_voxels_cut_off_are_noticed(self, tmp_path, suffix, lost):
        path = self.save(tmp_path / f"scan{suffix}")
        path.write_bytes(path.read_bytes()[:-lost])
        refused(ErrorCode.TRUNCATED_FILE, path)

    def test_a_direction_of_nan_is_refused(self, tmp_path, suffix):
        path = self.replaced(
            self.save(tmp_path / f"scan{suffix}"),
            (b"(0,1,0)", b"(0,nan,0)"),
            (b"TransformMatrix = 1 0 0", b"TransformMatrix = 1 nan 0"),
        )
        with pytest.raises(UnusableInput) as caught:
            medseg.read_volume(path)
        assert caught.value.code in (ErrorCode.INVALID_HEADER, ErrorCode.NOT_AN_IMAGE)

    @pytest.mark.parametrize("size", [b"0", b"nan"])
    def test_a_voxel_size_without_meaning_is_refused(self, tmp_path, suffix, size):
        path = self.replaced(
            self.save(tmp_path / f"scan{suffix}"),
            (b"(0,0,1)", b"(0,0," + size + b")"),
            (b"ElementSpacing = 1 1 1", b"ElementSpacing = 1 1 " + size),
        )
        with pytest.raises(UnusableInput) as caught:
            medseg.read_volume(path)
        assert caught.value.code in (ErrorCode.INVALID_HEADER, ErrorCode.NOT_AN_IMAGE)

    def test_a_negative_step_points_the_other_way(self, tmp_path, suffix):
        path = self.replaced(
            self.save(tmp_path / f"scan{suffix}"),
            (b"(0,0,1)", b"(0,0,-4)"),
            (b"ElementSpacing = 1 1 1", b"ElementSpacing = 1 1 -4"),
        )
        affine = medseg.read_volume(path).geometry.affine
        assert_array_equal(affine, np.diag([-1, -1, -4, 1]))

    @pytest.mark.parametrize("size", [b"-5", b"0", b"99999"])
    def test_a_dimension_that_cannot_be_is_refused(self, tmp_path, suffix, size):
        wanted = b" ".join([size] * 3)
        path = self.replaced(
            self.save(tmp_path / f"scan{suffix}"),
            (b"sizes: 5 6 7", b"sizes: " + wanted),
            (b"DimSize = 5 6 7", b"DimSize = " + wanted),
        )
        with pytest.raises(UnusableInput) as caught:
            medseg.read_volume(path)
        assert caught.value.code in (
            ErrorCode.INVALID_HEADER,
            ErrorCode.NOT_AN_IMAGE,
            ErrorCode.TOO_LARGE,
        )

    def test_colours_are_never_taken_for_a_scan(self, tmp_path, suffix):
        colours = np.zeros((3, *SHAPE), np.uint8)
        path = self.save(tmp_path / f"scan{suffix}", colours, is_vector=True)
        refused(ErrorCode.CHANNEL_MISMATCH, path)

    def test_four_dimensions_are_never_guessed(self, tmp_path, suffix):
        path = self.save(tmp_path / f"scan{suffix}", np.zeros((*SHAPE, 3), np.int16))
        assert "points in time" in refused(ErrorCode.CHANNEL_MISMATCH, path).what

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_voxels_that_are_no_numbers_are_refused(self, tmp_path, suffix, value):
        values = VALUES.astype(np.float32)
        values[1, 2, 3] = value
        path = self.save(tmp_path / f"scan{suffix}", values)
        assert "1 of 210" in refused(ErrorCode.NOT_FINITE, path).what
