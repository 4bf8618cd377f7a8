"""NIfTI: round trips, and every damage noticed."""

import gzip
from contextlib import suppress

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet
from medseg.core.volume import Segmentation, Volume
from medseg.io import (
    read_nifti_labels,
    read_nifti_volume,
    write_nifti_labels,
    write_nifti_volume,
)
from tests.core.io.studies import loose_examples

SHAPE = (5, 6, 7)
TISSUES = LabelSet.from_names([(1, "liver"), (300, "spleen")])


@st.composite
def affines(draw: st.DrawFn) -> np.ndarray:
    """Turned, mirrored or permuted boxes, anywhere."""
    angles = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    spacing_mm = draw(st.tuples(*[st.floats(0.2, 9)] * 3))
    mirror = draw(st.sampled_from([1, -1]))
    axes = draw(st.permutations([0, 1, 2]))
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = (turned * spacing_mm * (mirror, 1, 1))[:, axes]
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return affine


def noise(shape=SHAPE, dtype=np.int16) -> np.ndarray:
    array: np.ndarray = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    return array


def save(path, array, affine=None, change=None):
    """Write with nibabel alone; `change` edits the header, unchecked."""
    affine = np.diag([2, 2, 2, 1.0]) if affine is None else affine
    image = nib.Nifti1Image(array, affine, dtype=array.dtype)
    content = bytearray(image.to_bytes())
    if change is not None:
        header = nib.Nifti1Header(bytes(content[:348]), check=False)
        change(header)
        content[:348] = header.binaryblock
    is_packed = path.name.endswith(".gz")
    path.write_bytes(gzip.compress(content) if is_packed else content)
    return path


def refused(code, path, read=read_nifti_volume, **options):
    with pytest.raises(UnusableInput) as caught:
        read(path, **options)
    assert caught.value.code == code
    return caught.value


@loose_examples(of_a_hundred=30)
@given(
    affines(), st.sampled_from([np.uint8, np.int16, np.int32, np.uint16, np.float32])
)
def test_a_volume_comes_back_as_it_was(tmp_path, affine, dtype):
    path = tmp_path / "scan.nii.gz"
    volume = Volume(array=noise((1, *SHAPE), dtype), geometry=Geometry(SHAPE, affine))
    write_nifti_volume(volume, path, overwrite=True)
    again = read_nifti_volume(path)
    assert_array_equal(again.array, volume.array)
    assert again.array.dtype == dtype
    assert again.geometry.disagreement_mm(volume.geometry) < 1e-3
    assert again.notes == ()
    header = nib.Nifti1Image.from_filename(path).header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    assert header.get_xyzt_units()[0] == "mm"


@loose_examples(of_a_hundred=10)
@given(affines())
def test_simpleitk_finds_every_voxel_at_the_same_place(tmp_path, affine):
    path = tmp_path / "scan.nii"
    volume = Volume(array=noise((1, *SHAPE)), geometry=Geometry(SHAPE, affine))
    write_nifti_volume(volume, path, overwrite=True)
    image = sitk.ReadImage(str(path))
    assert_array_equal(sitk.GetArrayFromImage(image).T, volume.array[0])
    for index in ([0, 0, 0], [4, 5, 6]):
        expected = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        assert_allclose(volume.geometry.to_world(index), expected, atol=1e-2)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_labels_come_back_as_they_were(tmp_path, suffix):
    array = np.where(noise() > 50, 300, 1)
    geometry = Geometry.from_spacing(SHAPE, (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    labels = Segmentation(array=array, geometry=geometry, labels=TISSUES)
    write_nifti_labels(labels, tmp_path / f"case{suffix}")
    again = read_nifti_labels(tmp_path / f"case{suffix}", TISSUES)
    assert_array_equal(again.array, array)
    assert again.array.dtype == np.uint16
    assert again.case_id == "case"


def test_channels_are_the_fourth_dimension(tmp_path):
    geometry = Geometry.from_spacing(SHAPE, (1.0, 1.0, 1.0))
    two = Volume(array=noise((2, *SHAPE)), geometry=geometry, channels=("T1", "T2"))
    write_nifti_volume(two, tmp_path / "two.nii.gz")
    assert nib.Nifti1Image.from_filename(tmp_path / "two.nii.gz").shape == (*SHAPE, 2)
    again = read_nifti_volume(tmp_path / "two.nii.gz", ("T1", "T2"))
    assert_array_equal(again.array, two.array)
    assert again.channels == ("T1", "T2")
    refused(ErrorCode.CHANNEL_MISMATCH, tmp_path / "two.nii.gz")
    refused(ErrorCode.CHANNEL_MISMATCH, tmp_path / "two.nii.gz", channels=("CT",))


def test_the_same_labels_give_the_same_bytes(tmp_path):
    array = (noise() > 50).astype(np.uint8)
    geometry = Geometry.from_spacing(SHAPE, (1.0, 2.0, 3.0))
    labels = Segmentation(array=array, geometry=geometry, labels=TISSUES)
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti_labels(labels, tmp_path / name)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_other_byte_orders_and_nifti_2_are_read(tmp_path, order, kind):
    header = kind.header_class(endianness=order)
    header.set_data_dtype(np.dtype(np.int16).newbyteorder(order))
    image = kind(noise(), np.diag([1, 2, 3, 1.0]), header, dtype=np.int16)
    (tmp_path / "a.nii").write_bytes(image.to_bytes())
    volume = read_nifti_volume(tmp_path / "a.nii")
    assert_array_equal(volume.array[0], noise())
    assert volume.array.dtype.isnative
    assert volume.geometry.spacing_mm == (1, 2, 3)


def test_scaled_integers_become_float32(tmp_path):
    def scale(header):
        header["scl_slope"], header["scl_inter"] = 0.5, -1000

    volume = read_nifti_volume(save(tmp_path / "a.nii.gz", noise(), change=scale))
    assert volume.array.dtype == np.float32
    assert_allclose(volume.array[0], noise() * 0.5 - 1000)


def test_double_precision_becomes_float32(tmp_path):
    volume = read_nifti_volume(save(tmp_path / "a.nii", noise(dtype=np.float64) / 3))
    assert volume.array.dtype == np.float32


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("lost", [1, 9, 100, 500])
def test_a_file_cut_off_is_noticed(tmp_path, suffix, lost):
    path = save(tmp_path / f"a{suffix}", noise((9, 10, 11)))
    path.write_bytes(path.read_bytes()[:-lost])
    refused(ErrorCode.TRUNCATED_FILE, path)
    refused(ErrorCode.TRUNCATED_FILE, path, read=read_nifti_labels)


def test_a_flipped_bit_in_a_packed_file_is_noticed(tmp_path):
    path = save(tmp_path / "a.nii.gz", noise((9, 10, 11)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused(ErrorCode.TRUNCATED_FILE, path)


@pytest.mark.parametrize("content", [b"", b"abc", b"hello world" * 50])
def test_something_else_is_not_an_image(tmp_path, content):
    (tmp_path / "a.nii").write_bytes(content)
    refused(ErrorCode.NOT_AN_IMAGE, tmp_path / "a.nii")
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content))
    refused(ErrorCode.NOT_AN_IMAGE, tmp_path / "a.nii.gz")


@pytest.mark.parametrize(("unit", "per_mm"), [("meter", 0.001), ("micron", 1000.0)])
def test_sform_and_qform_are_compared_in_millimetres(tmp_path, unit, per_mm):
    """Twelve millimetres are 0.012 metres; half of one is 500 micrometres."""

    def shifted(name, shift_mm):
        def shift(header):
            header.set_xyzt_units(unit)
            header["pixdim"][1:4] = 2 * per_mm
            header["qform_code"] = 1
            header["qoffset_x"] = header["srow_x"][3] + shift_mm * per_mm

        affine = np.diag([2 * per_mm, 2 * per_mm, 2 * per_mm, 1])
        return save(tmp_path / name, noise(), affine, shift)

    far = shifted("far.nii", 12)
    assert "12.0 mm" in refused(ErrorCode.SFORM_QFORM_CONFLICT, far).what
    volume = read_nifti_volume(shifted("near.nii", 0.5))
    assert_allclose(volume.geometry.spacing_mm, 2, rtol=1e-6)
    assert all("pixdim" not in note for note in volume.notes)


def test_a_mirror_factor_of_zero_counts_as_one(tmp_path):
    def change(header):
        header["pixdim"][0], header["sform_code"], header["qform_code"] = 0, 0, 1

    volume = read_nifti_volume(save(tmp_path / "a.nii", noise(), change=change))
    assert volume.geometry.orientation == "RAS"


@loose_examples(of_a_hundred=60)
@given(st.dictionaries(st.integers(0, 351), st.integers(0, 255), max_size=4))
def test_a_damaged_header_never_ends_in_another_error(tmp_path, changes):
    path = save(tmp_path / "a.nii", noise())
    content = bytearray(path.read_bytes())
    for place, value in changes.items():
        content[place] = value
    path.write_bytes(content)
    with suppress(UnusableInput):
        read_nifti_volume(path)


def test_lengths_in_metres_become_millimetres(tmp_path):
    def change(header):
        header.set_xyzt_units("meter")

    path = save(tmp_path / "a.nii", noise(), np.diag([0.001, 0.002, 0.003, 1]), change)
    volume = read_nifti_volume(path)
    assert_allclose(volume.geometry.spacing_mm, (1, 2, 3), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_whole_numbers_of_any_type_are_labels(tmp_path, dtype):
    path = save(tmp_path / "a.nii.gz", (noise() > 50).astype(dtype))
    labels = read_nifti_labels(path)
    assert_array_equal(labels.array, noise() > 50)
    assert labels.labels.names == ("label 1",)


@pytest.mark.parametrize("value", [0.5, -1, 70000, np.nan])
def test_anything_else_is_not_a_label_map(tmp_path, value):
    array = noise(dtype=np.float32)
    array[1, 2, 3] = value
    path = save(tmp_path / "a.nii", array)
    refused(ErrorCode.NOT_A_LABEL_MAP, path, read=read_nifti_labels)


def test_a_scan_is_not_taken_for_a_label_map(tmp_path):
    many = np.arange(2000, dtype=np.int16).reshape(10, 10, 20)
    refused(
        ErrorCode.NOT_A_LABEL_MAP, save(tmp_path / "a.nii", many), read_nifti_labels
    )


def test_labels_without_a_name_are_listed(tmp_path):
    path = save(tmp_path / "a.nii", noise() % 4)
    error = refused(ErrorCode.UNKNOWN_LABEL, path, read_nifti_labels, labels=TISSUES)
    assert "2, 3" in error.what
    assert "300 spleen" in error.what


def test_the_hash_is_that_of_the_file(tmp_path):
    a = save(tmp_path / "a.nii", noise())
    b = save(tmp_path / "b.nii", noise())
    c = save(tmp_path / "c.nii", noise() + 1)
    hashes = [read_nifti_volume(path).sha256 for path in (a, b, c)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    ("name", "case_id"),
    [
        ("hippocampus_001.nii.gz", "hippocampus_001"),
        ("BRATS_001_0000.nii.gz", "BRATS_001_0000"),
        ("Ünïcode scan (1).v2.nii", "n-code-scan-1-.v2"),
    ],
)
def test_the_case_is_named_after_the_file(tmp_path, name, case_id):
    assert read_nifti_volume(save(tmp_path / name, noise())).case_id == case_id
