"""What the classical commands have in common: files in, files out, and the box."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg import classical
from medseg.cli.scans import Flat, Overwrite
from medseg.cli.segment_work import print_result
from medseg.cli.segmenting import CODES
from medseg.core.acceptance import Accepted
from medseg.core.volume import Segmentation, Volume
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
        out: Label map to write: .nii, .nii.gz, .nrrd, .mha, or .dcm for a DICOM-SEG
            on a DICOM scan.
        file_format: What to write; told from the suffix where not given.
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
class Read:
    """How the scan is read.

    Attributes:
        series: SeriesInstanceUID where a folder holds several series.
        accept: Code of a problem to be mended and not refused, as its error names it.
        box: R A S in mm of two opposite corners: look only between them.
    """

    series: str | None = None
    accept: Annotated[tuple[Accepted, ...], CODES] = ()
    box: Annotated[tuple[Point, Point] | None, Parameter(negative=())] = None


DEFAULT_READ = Read()
Reading = Annotated[Read, Flat]
Writing = Annotated[Written, Flat]


def segment_scan(
    scan: Path, read: Read, written: Written, method: Callable[[Volume], Segmentation]
) -> None:
    """Read a scan, run a method on it or in a box of it, and write what it found."""
    kind = written.require_writable()
    volume = medseg.read_volume(scan, series=read.series, accept=frozenset(read.accept))
    if kind.is_dicom:
        medseg.require_dicom_source(volume, written.out)
    if read.box is None:
        written.write(method(volume), volume)
        return
    box = classical.box_between(volume.geometry, read.box)
    part = method(classical.cropped_scan(volume, box))
    written.write(classical.pasted(part, volume.geometry, box), volume)


def change_labels(
    labels: Path, written: Written, change: Callable[[Segmentation], Segmentation]
) -> None:
    """Read a label map, change it, and write it."""
    written.require_writable()
    written.write(change(medseg.read_segmentation(labels)))
