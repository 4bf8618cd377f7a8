"""NRRD and MetaImage: the same grid in RAS, and every damage noticed."""

import shutil

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.geometry import Geometry
from medseg.core.labels import LabelSet
from medseg.core.volume import Volume
from medseg.io import (
    read_itk_labels,
    read_itk_volume,
    read_nifti_volume,
    save_itk,
    write_itk_volume,
)

SHAPE = (15, 16, 17)
SUFFIXES = [".nrrd", ".mha", ".nhdr", ".mhd"]


def oblique() -> Geometry:
    affine = np.eye(4)
    turned = Rotation.from_euler("xyz", [20, -35, 100], degrees=True).as_matrix()
    affine[:3, :3] = turned * (0.7, 1.1, -3)
    affine[:3, 3] = (-40, 25, 310)
    return Geometry(SHAPE, affine)


def noise(shape=SHAPE, dtype=np.int16) -> np.ndarray:
    array: np.ndarray = np.random.default_rng(0).integers(0, 30000, shape).astype(dtype)
    return array


def save(path, *, compressed=True, dtype=np.int16, change=None):
    image = sitk.GetImageFromArray(noise(dtype=dtype))
    if change is not None:
        change(image)
    sitk.WriteImage(image, str(path), useCompression=compressed)
    return path


def refused(code, path, read=read_itk_volume):
    with pytest.raises(UnusableInput) as caught:
        read(path)
    assert caught.value.code == code
    return caught.value


@pytest.mark.parametrize("suffix", SUFFIXES[:2])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32])
def test_a_volume_comes_back_as_it_was(tmp_path, suffix, dtype):
    volume = Volume(array=noise((1, *SHAPE), dtype), geometry=oblique())
    write_itk_volume(volume, tmp_path / f"scan{suffix}")
    again = read_itk_volume(tmp_path / f"scan{suffix}")
    assert_array_equal(again.array, volume.array)
    assert again.array.dtype == dtype
    assert again.geometry.disagreement_mm(volume.geometry) < 1e-6
    assert again.case_id == "scan"
    assert again.notes == ()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_itk_turns_nifti_into_the_same_volume(tmp_path, suffix):
    nifti, other = tmp_path / "scan.nii.gz", tmp_path / f"scan{suffix}"
    nib.Nifti1Image(noise(), oblique().affine).to_filename(nifti)
    sitk.WriteImage(sitk.ReadImage(str(nifti)), str(other))
    mine, expected = read_itk_volume(other), read_nifti_volume(nifti)
    assert_array_equal(mine.array, expected.array)
    assert mine.geometry.disagreement_mm(expected.geometry) < 1e-3


@pytest.mark.parametrize("suffix", SUFFIXES[:2])
def test_channels_come_back_as_they_were(tmp_path, suffix):
    two = Volume(array=noise((2, *SHAPE)), geometry=oblique(), channels=("T1", "T2"))
    path = tmp_path / f"two{suffix}"
    write_itk_volume(two, path)
    assert_array_equal(read_itk_volume(path, ("T1", "T2")).array, two.array)
    refused(ErrorCode.CHANNEL_MISMATCH, path)
    refused(ErrorCode.NOT_A_LABEL_MAP, path, read_itk_labels)


@pytest.mark.parametrize("suffix", SUFFIXES[:2])
def test_labels_come_back_as_they_were(tmp_path, suffix):
    labels = LabelSet.from_names([(1, "liver"), (2, "spleen")])
    array = noise() % 3
    path = tmp_path / f"labels{suffix}"
    save_itk(array, oblique(), path)
    again = read_itk_labels(path, labels)
    assert_array_equal(again.array, array)
    assert again.labels == labels


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_file_cut_off_is_noticed(tmp_path, suffix, compressed, kept):
    path = save(tmp_path / f"scan{suffix}", compressed=compressed)
    voxels = max(tmp_path.iterdir(), key=lambda file: file.stat().st_size)
    content = voxels.read_bytes()
    voxels.write_bytes(content[: int(len(content) * kept)])
    refused(ErrorCode.TRUNCATED_FILE, path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_flipped_bit_in_a_packed_file_is_noticed(tmp_path, suffix):
    path = save(tmp_path / f"scan{suffix}")
    voxels = max(tmp_path.iterdir(), key=lambda file: file.stat().st_size)
    content = bytearray(voxels.read_bytes())
    content[len(content) // 2] ^= 1
    voxels.write_bytes(content)
    refused(ErrorCode.TRUNCATED_FILE, path)


@pytest.mark.parametrize("suffix", SUFFIXES[2:])
def test_a_header_without_its_voxels_is_refused(tmp_path, suffix):
    path = save(tmp_path / f"scan{suffix}")
    max(tmp_path.iterdir(), key=lambda file: file.stat().st_size).unlink()
    refused(ErrorCode.NOT_FOUND, path)


def test_a_header_size_that_is_no_number_is_refused(tmp_path):
    path = save(tmp_path / "scan.mhd", compressed=False)
    path.write_text(
        path.read_text().replace("ElementDataFile", "HeaderSize = abc\nElementDataFile")
    )
    assert "'abc'" in refused(ErrorCode.INVALID_HEADER, path).what


def test_an_error_of_itk_does_not_name_the_folder(tmp_path):
    path = tmp_path / "scan.nrrd"
    path.write_bytes(b"NRRD0004\ntype: nonsense\n\n")
    assert str(tmp_path) not in refused(ErrorCode.NOT_AN_IMAGE, path).what


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"", b"abc", b"NRRD0004\ntype: short\n\n"])
def test_something_else_is_not_an_image(tmp_path, suffix, content):
    (tmp_path / f"scan{suffix}").write_bytes(content)
    refused(ErrorCode.NOT_AN_IMAGE, tmp_path / f"scan{suffix}")


def test_a_sheared_grid_is_refused(tmp_path):
    sheared = np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1]]).flatten().tolist()
    path = save(
        tmp_path / "scan.nrrd", change=lambda image: image.SetDirection(sheared)
    )
    refused(ErrorCode.SHEARED_AFFINE, path)


def test_a_picture_is_no_volume(tmp_path):
    image = sitk.GetImageFromArray(noise((5, 6)))
    sitk.WriteImage(image, str(tmp_path / "picture.mha"))
    refused(ErrorCode.NOT_A_VOLUME, tmp_path / "picture.mha")


def test_an_nrrd_without_orientation_is_noted(tmp_path):
    path = tmp_path / "scan.nrrd"
    header = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 3 4\nencoding: raw\n"
    path.write_bytes(header.encode() + b"spacings: 1 2 3\n\n" + bytes(24))
    volume = read_itk_volume(path)
    assert "orientation" in volume.notes[0]
    assert_allclose(volume.geometry.spacing_mm, (1, 2, 3))


def test_real_nrrd_agrees_with_the_ct_it_was_drawn_on(real_data, tmp_path):
    source = real_data / "dicom/dcmqi/liver_seg.nrrd"
    shutil.copy(source, tmp_path / "liver.nrrd")
    labels = read_itk_labels(tmp_path / "liver.nrrd")
    assert labels.geometry.shape == (512, 512, 3)
    assert labels.volume_ml("label 1") > 1
