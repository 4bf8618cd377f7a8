"""What a volume must hold: the position formula of DICOM, the values as stored."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.testing import assert_allclose
from pydicom.dataset import FileDataset

from medseg import Volume


def along_normal(data: FileDataset) -> float:
    """Position of a slice along its normal in mm."""
    directions = np.reshape(data.ImageOrientationPatient, (2, 3)).astype(float)
    position = np.array(data.ImagePositionPatient, dtype=float)
    return float(np.cross(*directions) @ position)


def assert_every_voxel_is_right(
    volume: Volume, slices: Sequence[FileDataset], *, within_mm: float = 1e-4
) -> None:
    """Compare with DICOM PS3.3 C.7.6.2.1.1 (places) and C.11.1.1.2 (values)."""
    slices = sorted(slices, key=along_normal)
    assert volume.geometry.shape == (slices[0].Columns, slices[0].Rows, len(slices))
    for k, data in enumerate(slices):
        shape = (data.Rows, data.Columns)
        stored = np.frombuffer(data.PixelData, np.int16).reshape(shape)
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
            found = volume.geometry.to_world([i, j, k])
            assert_allclose(found, place_ras, rtol=0, atol=within_mm)
