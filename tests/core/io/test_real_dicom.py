"""Real series against NIfTI made of them by others."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk  # noqa: N813
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import map_coordinates

import medseg
from medseg import Accepted, ErrorCode, UnusableInput
from medseg.io.dicom.pixels import decode_frames

GOOD = [
    "ge/anatomical/001",
    "ge/anatomical/001_implicit",
    "generic/anatomical/001",
    "generic/anatomical/001_implicit",
    "generic/anatomical/002_non_isotropic",
    "generic/compressed/001",
    "generic/compressed_j2k/001",
    "generic/compressed_jpeg/001",
    "generic/compressed_jpegls/001",
    "generic/compressed_rle/001",
    "hitachi/anatomical/001",
    "hitachi/anatomical/001_implicit",
    "hyperfine/anatomical/001",
    "philips_enhanced/anatomical/001",
    "philips_enhanced/anatomical/001_implicit",
    "siemens/anatomical/001",
    "siemens/anatomical/001_implicit",
    "siemens_multiframe/anatomical/001",
]
BAD = {
    "failing/gantrytilting/001": ErrorCode.GANTRY_TILT,
    "failing/notavolume/001": ErrorCode.NOT_A_VOLUME,
    "failing/slicecount/001": ErrorCode.NOT_A_VOLUME,
    "failing/sliceincrement/001": ErrorCode.MISSING_SLICES,
    "failing/sliceincrement/002": ErrorCode.GANTRY_TILT,
    "failing/sliceorientation/001": ErrorCode.INCONSISTENT_ORIENTATION,
    "ge/anatomical/001_single_slice": ErrorCode.NOT_A_VOLUME,
    "generic/rgb/001": ErrorCode.NOT_A_VOLUME,
}


def assert_same_world(volume, reference):
    """Each voxel of one has the value of the voxel of the other at its place."""
    indices = np.moveaxis(np.indices(volume.geometry.shape), 0, -1)
    exact = reference.geometry.to_index(volume.geometry.to_world(indices))
    i, j, k = np.moveaxis(np.rint(exact).astype(int), -1, 0)
    assert_allclose(exact, np.rint(exact), atol=2e-4)
    assert_allclose(volume.array[0], reference.array[0][i, j, k], rtol=1e-6)


@pytest.mark.parametrize("name", GOOD)
def test_dicom2nifti_agrees(real_data, name):
    series = real_data / "dicom/dicom2nifti" / name
    reference = series.with_name(series.name + "_ground_truth.nii.gz")
    assert_same_world(medseg.read_volume(series), medseg.read_volume(reference))


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_regular_volume_is_refused(real_data, name):
    with pytest.raises(UnusableInput) as caught:
        medseg.read_volume(real_data / "dicom/dicom2nifti" / name)
    assert caught.value.code == BAD[name]


def slices_of(folder):
    """Real slices by ascending position along their normal."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    return sorted(slices, key=lambda data: float(heights_and_axes(data)[0][2]))


def heights_and_axes(data):
    """Position of a slice along its row, column and normal; these, one a line."""
    row, column = np.reshape(data.ImageOrientationPatient, (2, 3)).astype(float)
    axes = np.array([row, column, np.cross(row, column)])
    return axes @ np.array(data.ImagePositionPatient, dtype=float), axes


def expected_slice(data, volume, k):
    """What slice k must hold if it lies in the plane of some slice, by its header."""
    (first_i, first_j, height), axes = heights_and_axes(data)
    i, j = np.indices(volume.geometry.shape[:2])
    index = np.stack([i, j, np.full_like(i, k)], axis=-1)
    along_i, along_j, along_k = np.moveaxis(
        volume.geometry.to_world(index) * (-1, -1, 1) @ axes.T, -1, 0
    )
    assert_allclose(along_k, height, atol=2e-3)
    row_mm, column_mm = map(float, data.PixelSpacing)
    where = [(along_j - first_j) / row_mm, (along_i - first_i) / column_mm]
    stored = data.pixel_array * float(data.RescaleSlope) + float(data.RescaleIntercept)
    lowest = float(volume.array.min())
    values = map_coordinates(stored, where, order=1, cval=lowest)
    return np.where(np.isclose(values, lowest, atol=1), lowest, values)


@pytest.mark.parametrize(
    ("name", "accepted", "levels"),
    [
        ("gantrytilting/001", {Accepted.GANTRY_TILT}, (0, 1, 2, 3)),
        ("sliceincrement/001", {Accepted.MISSING_SLICES}, (0, 1, 2, 4)),
        (
            "sliceincrement/002",
            {Accepted.GANTRY_TILT, Accepted.MISSING_SLICES},
            (0, 1, 2, 4),
        ),
    ],
)
def test_what_is_accepted_lies_where_the_headers_say(real_data, name, accepted, levels):
    folder = real_data / "dicom/dicom2nifti/failing" / name
    volume = medseg.read_volume(folder, accept=accepted)
    slices = slices_of(folder)
    for data, k in zip(slices, levels, strict=True):
        expected = expected_slice(data, volume, k)
        inside = expected > volume.array.min()
        off = np.abs(volume.array[0, :, :, k] - expected)
        assert off[inside].max() <= 1
    assert {Accepted(note.split()[1].strip(":")) for note in volume.notes} == accepted
    assert volume.geometry.shape[2] == max(levels) + 1


def test_the_lung_ct_is_its_nifti(real_data):
    folder = real_data / "dicom/ibsi_ct"
    scan = medseg.read_volume(folder / "dicom/image")
    assert scan.is_ct
    assert_same_world(scan, medseg.read_volume(folder / "nifti/image/phantom.nii.gz"))


def test_all_encodings_hold_the_same_mosaic(real_data):
    """A Siemens mosaic: 35 slices of 64 x 64 as tiles of one picture."""
    folder = real_data / "dicom/transfer_syntaxes"
    slices = medseg.read_volume(folder / "Ref/1.nii").array[0]
    for number in range(1, 10):
        (mosaic,) = decode_frames(folder / f"In/{number}.dcm", [0])
        tiles = mosaic.reshape(6, 64, 6, 64).swapaxes(1, 2).reshape(36, 64, 64)
        assert_array_equal(tiles[:35, ::-1].T, slices)
    with pytest.raises(UnusableInput, match="9 x Siemens mosaic"):
        medseg.read_volume(folder / "In")


@pytest.mark.parametrize("study", ["Study1/13_HCropVolume", "Study3/11_HCropVolume"])
def test_simpleitk_agrees_on_the_hippocampus_crops(real_data, study):
    folder = real_data / "dicom/mr_hippocampus" / study
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    scan = medseg.read_volume(folder)
    assert_array_equal(scan.array[0], sitk.GetArrayFromImage(image).T)
    last = [size - 1 for size in scan.geometry.shape]
    for index in ([0, 0, 0], last):
        expected = np.array(image.TransformIndexToPhysicalPoint(index)) * (-1, -1, 1)
        assert_allclose(scan.geometry.to_world(index), expected, atol=1e-3)


def test_each_cut_in_a_compressed_file_is_noticed(real_data, tmp_path):
    for number in (4, 6, 9):
        content = (real_data / f"dicom/transfer_syntaxes/In/{number}.dcm").read_bytes()
        for lost in (20, 3000, len(content) // 2):
            (tmp_path / "cut").write_bytes(content[:-lost])
            with pytest.raises(UnusableInput, match="TRUNCATED_FILE"):
                list(decode_frames(tmp_path / "cut", [0]))
