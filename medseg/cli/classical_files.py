"""What the classical commands have in common: files in, files out, and the box."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg import classical
from medseg.cli.opening import Opened, grid_for
from medseg.cli.scans import Flat, Overwrite
from medseg.cli.segment_work import print_result, require_no_scan
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io.file_kinds import SegmentationFormat

Point = tuple[float, float, float]
Scan = Annotated[Path, Parameter(help="DICOM folder or file, NIfTI, NRRD or MHA.")]
LabelMap = Annotated[Path, Parameter(help="Label map: NIfTI, NRRD, MHA or DICOM-SEG.")]
Seeds = Annotated[
    tuple[Point, ...],
    Parameter(
        name="--seed",
        negative=(),
        help="R A S in mm of a point to grow from; once for each.",
    ),
]
StructureName = Annotated[str, Parameter(help="Name of the structure to change.")]


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where the result goes.

    Attributes:
        out: Label map: .nii, .nii.gz, .nrrd, .mha; .dcm (DICOM-SEG of a DICOM scan).
        file_format: Format of the label map. Default: by the suffix.
        overwrite: Replace an earlier result.
    """

    out: Annotated[Path, Parameter(name=["--out", "-o"])]
    file_format: Annotated[SegmentationFormat | None, Parameter(name="--format")] = None
    overwrite: Overwrite = False

    def require_writable(self) -> SegmentationFormat:
        """Refuse, before any work is done, a result that could not be written."""
        return medseg.require_writable(
            self.out, file_format=self.file_format, overwrite=self.overwrite
        )

    def write(self, result: Segmentation, source: Volume | None = None) -> None:
        """Write the result and print what was found."""
        medseg.write_segmentation(
            result,
            self.out,
            source=source,
            file_format=self.file_format,
            overwrite=self.overwrite,
        )
        print_result(result, self.out)


@dataclass(frozen=True, kw_only=True)
class Read(Opened):
    """How the scan is read, and where it is looked at.

    Attributes:
        series: SeriesInstanceUID, if a folder holds several series.
        channel: Number of the volume to take, from 0, if a file holds several.
        accept: Error code of a problem to mend instead of refusing the scan.
        box: R A S in mm of two opposite corners; the method runs between them.
    """

    box: Annotated[tuple[Point, Point] | None, Parameter(negative=())] = None


DEFAULT_READ = Read()
Reading = Annotated[Read, Flat]
Writing = Annotated[Written, Flat]


def segment_scan(
    scan: Path, read: Read, written: Written, method: Callable[[Volume], Segmentation]
) -> None:
    """Read a scan, run a method on it or in a box of it, and write what it found."""
    volume = _scan(scan, read, written)
    if read.box is None:
        written.write(method(volume), volume)
        return
    box = classical.box_between(volume.geometry, read.box)
    part = method(classical.cropped_scan(volume, box))
    written.write(classical.pasted(part, volume.geometry, box), volume)


def segment_from_labels(
    scan: Path,
    labels: Path,
    read: Read,
    written: Written,
    method: Callable[[Volume, Segmentation], Segmentation],
) -> None:
    """As `segment_scan`, for a method that starts from a label map."""
    volume = _scan(scan, read, written)
    start = medseg.read_segmentation(labels, source=grid_for(labels, volume))
    require_same_grid(volume.geometry, start.geometry, where=str(labels))
    if read.box is None:
        written.write(method(volume, start), volume)
        return
    box = classical.box_between(volume.geometry, read.box)
    part = method(
        classical.cropped_scan(volume, box), classical.cropped_labels(start, box)
    )
    written.write(classical.pasted(part, volume.geometry, box), volume)


def change_labels(
    labels: Path, written: Written, change: Callable[[Segmentation], Segmentation]
) -> None:
    """Read a label map, change it, and write it."""
    if written.require_writable().is_dicom:
        raise WrongUse(
            ErrorCode.NO_DICOM_SOURCE,
            "DICOM output refers to a DICOM series, and a label map alone has none",
            where=written.out,
            remedy="Write .nii.gz, .nrrd or .mha.",
        )
    written.write(change(medseg.read_segmentation(labels)))


def change_labels_on_scan(
    scan: Path,
    labels: Path,
    read: Opened,
    written: Written,
    change: Callable[[Volume, Segmentation], Segmentation],
) -> None:
    """Read a scan and a label map of it, change the label map, and write it."""
    volume = _scan(scan, read, written)
    old = medseg.read_segmentation(labels, source=grid_for(labels, volume))
    written.write(change(volume, old), volume)


def _scan(path: Path, opened: Opened, written: Written) -> Volume:
    """Read the scan, unless what is to be written could not be, or is the scan."""
    require_no_scan(written.out, (path,))
    kind = written.require_writable()
    volume = opened.read(path)
    if kind.is_dicom:
        medseg.require_dicom_source(volume, written.out)
    return volume
