"""What is measured: the same files read and written by MedSeg and by other libraries.

Reading ends with the voxels in memory, in the order the file has them. MedSeg's time
includes its checks and the SHA-256 of every byte, which end up in the provenance of
results; its files are on the disk when it is done, not in the system's cache.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import assert_never

import nibabel as nib
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name everybody knows it by

from medseg.bench.files import ScanFiles
from medseg.io.nifti.files import write_nifti_labels, write_nifti_volume
from medseg.io.reading import read_volume

Work = Callable[[], object]


class Contender(StrEnum):
    """Who reads and writes."""

    MEDSEG = "MedSeg"
    SIMPLEITK = "SimpleITK"
    NIBABEL = "nibabel"


class Task(StrEnum):
    """What is read or written."""

    READ_SERIES = "read a DICOM series"
    READ_NIFTI = "read .nii"
    READ_PACKED = "read .nii.gz"
    WRITE_SCAN = "write the scan as .nii.gz"
    WRITE_LABELS = "write the labels as .nii.gz"

    @property
    def is_reading(self) -> bool:
        """Whether it ends with voxels in memory, not in a file."""
        return self not in (Task.WRITE_SCAN, Task.WRITE_LABELS)

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Those that can do it."""
        everyone = tuple(Contender)
        return everyone[:2] if self is Task.READ_SERIES else everyone


def path_of(task: Task, files: ScanFiles) -> Path:
    """What a task reads, or the file that it writes."""
    match task:
        case Task.READ_SERIES:
            return files.series
        case Task.READ_NIFTI:
            return files.nifti
        case Task.READ_PACKED:
            return files.packed
        case Task.WRITE_SCAN | Task.WRITE_LABELS:
            return files.series.with_name(f"{task.name.lower()}.nii.gz")
        case _:
            assert_never(task)


def work_of(contender: Contender, task: Task, files: ScanFiles) -> Work:
    """What a contender does for a task; reading returns the voxels as it holds them.

    What is written is made before, in the form that the contender would have it in.
    """
    path = path_of(task, files)
    if task.is_reading:
        return partial(_READERS[contender], path)
    is_scan = task is Task.WRITE_SCAN
    array = files.scan.array[0] if is_scan else files.labels.array
    match contender:
        case Contender.MEDSEG if is_scan:
            return partial(write_nifti_volume, files.scan, path, overwrite=True)
        case Contender.MEDSEG:
            return partial(write_nifti_labels, files.labels, path, overwrite=True)
        case Contender.SIMPLEITK:
            image = sitk.GetImageFromArray(array.T)
            return partial(sitk.WriteImage, image, str(path), useCompression=True)
        case Contender.NIBABEL:
            affine = files.scan.geometry.affine
            return partial(nib.save, nib.Nifti1Image(array, affine), path)
        case _:
            assert_never(contender)


def is_right(result: object, task: Task, files: ScanFiles) -> bool:
    """Whether the voxels that were read, or are now in the file, are the right ones."""
    if not task.is_reading:
        result = _by_nibabel(path_of(task, files))
    elif isinstance(result, sitk.Image):
        result = sitk.GetArrayViewFromImage(result).T
    is_labels = task is Task.WRITE_LABELS
    wanted = files.labels.array if is_labels else files.scan.array[0]
    return bool(np.array_equal(np.asarray(result), wanted))


def _by_medseg(path: Path) -> object:
    return read_volume(path).array[0]


def _by_simpleitk(path: Path) -> object:
    if path.is_file():
        return sitk.ReadImage(str(path))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
    return reader.Execute()


def _by_nibabel(path: Path) -> object:
    image = nib.Nifti1Image.from_filename(path, mmap=False)  # else nothing is read yet
    return np.asanyarray(image.dataobj)


_READERS: Mapping[Contender, Callable[[Path], object]] = {
    Contender.MEDSEG: _by_medseg,
    Contender.SIMPLEITK: _by_simpleitk,
    Contender.NIBABEL: _by_nibabel,
}
