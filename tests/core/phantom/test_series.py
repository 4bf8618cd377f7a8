"""The DICOM series: the phantom's voxels, place and label, in standard form."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK

from medseg.core.errors import ErrorCode, WrongUse
from medseg.phantom import Phantom, make_phantom, write_phantom_series

LPS = np.diag([-1.0, -1.0, 1.0])


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(3, shape=(40, 36, 9), spacing_mm=(8.8, 9.1, 24.0))


@pytest.fixture(scope="module")
def series(phantom: Phantom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("series") / "ct"
    write_phantom_series(phantom, folder)
    return folder


def test_simpleitk_reads_the_same_scan_at_the_same_place(phantom, series):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(series)))
    image = reader.Execute()
    affine = phantom.volume.geometry.affine
    assert image.GetSpacing() == pytest.approx((8.8, 9.1, 24.0))
    np.testing.assert_allclose(LPS @ image.GetOrigin(), affine[:3, 3], atol=1e-3)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    np.testing.assert_allclose(
        LPS @ directions * image.GetSpacing(), affine[:3, :3], atol=1e-4
    )
    hu = SimpleITK.GetArrayFromImage(image).transpose()
    np.testing.assert_array_equal(hu, phantom.volume.array[0])


def test_each_slice_lies_where_its_voxels_are(phantom, series):
    geometry = phantom.volume.geometry
    for path in series.iterdir():
        image = pydicom.dcmread(path)
        corner_ras_mm = LPS @ np.array(image.ImagePositionPatient, float)
        k = round(float(geometry.to_index(corner_ras_mm)[2]))
        np.testing.assert_allclose(
            geometry.to_world(np.array([0, 0, k])), corner_ras_mm, 0, 1e-3
        )
        hu = image.pixel_array.T * image.RescaleSlope + image.RescaleIntercept
        np.testing.assert_array_equal(hu, phantom.volume.array[0, :, :, k])


def test_numbers_are_signed_and_need_rescaling(series):
    image = pydicom.dcmread(series / "CT_0001.dcm")
    assert image.PixelRepresentation == 1
    assert image.BitsAllocated == 16
    assert (image.RescaleSlope, image.RescaleIntercept) == (1, -1024)
    assert image.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian


def test_every_file_says_that_it_is_synthetic(series):
    for path in series.iterdir():
        image = pydicom.dcmread(path, stop_before_pixels=True)
        assert str(image.PatientName) == "MedSeg^Synthetic"
        assert image.PatientID == "SYNTHETIC-3"
        assert image.SeriesDescription == "Synthetic CT phantom, not a patient"
        assert image.ImageComments == image.SeriesDescription
        assert image.QualityControlSubject == "YES"
        assert image.BurnedInAnnotation == "NO"


def test_slices_are_one_series_with_names_of_their_own(series):
    images = [pydicom.dcmread(path) for path in series.iterdir()]
    assert len({image.SeriesInstanceUID for image in images}) == 1
    assert len({image.SOPInstanceUID for image in images}) == len(images) == 9
    assert all(image.SOPInstanceUID.is_valid for image in images)


def test_the_same_phantom_gives_the_same_bytes(phantom, series, tmp_path):
    write_phantom_series(phantom, tmp_path / "again")
    for path in series.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_another_grid_gives_another_series(series, tmp_path):
    other = make_phantom(3, shape=(20, 18, 2), spacing_mm=(17.6, 18.2, 90.0))
    write_phantom_series(other, tmp_path / "other")
    uids = [
        pydicom.dcmread(folder / "CT_0001.dcm").SeriesInstanceUID
        for folder in (series, tmp_path / "other")
    ]
    assert uids[0] != uids[1]


def test_a_folder_with_something_in_it_is_left_alone(phantom, series):
    before = {path.name: path.read_bytes() for path in series.iterdir()}
    with pytest.raises(WrongUse) as caught:
        write_phantom_series(phantom, series)
    assert caught.value.code is ErrorCode.OUTPUT_EXISTS
    assert before == {path.name: path.read_bytes() for path in series.iterdir()}
