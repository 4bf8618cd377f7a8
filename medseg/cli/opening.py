"""How a command reads a scan, and label maps on its grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import medseg
from medseg.cli.scans import Flat
from medseg.cli.segmenting import CODES
from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.volume import Volume
from medseg.io.checks import require_there
from medseg.io.file_kinds import FileKind, kind_of_file


@dataclass(frozen=True, kw_only=True)
class Opened:
    """How the scan is read.

    Attributes:
        series: SeriesInstanceUID, if a folder holds several series.
        channel: Number of the volume to take, from 0, if a file holds several.
        accept: Error code of a problem to mend instead of refusing the scan.
    """

    series: str | None = None
    channel: int | None = None
    accept: Annotated[tuple[Accepted, ...], CODES] = ()

    def read(self, scan: Path) -> Volume:
        """Read the scan.

        Raises:
            MedSegError: As `medseg.read_volume`.
        """
        accept = frozenset(self.accept)
        return medseg.read_volume(
            scan, series=self.series, channel=self.channel, accept=accept
        )


DEFAULT_OPENED = Opened()
Opening = Annotated[Opened, Flat]


def scan_of(path: Path | None, opened: Opened) -> Volume | None:
    """The scan, where one is given.

    Raises:
        WrongUse: INVALID_OPTION, where it is said how to read a scan and none is given.
        MedSegError: As `medseg.read_volume`.
    """
    if path is not None:
        return opened.read(path)
    if opened != DEFAULT_OPENED:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "these say how a scan is read, and none is given",
            where="--series, --channel, --accept",
            remedy="Leave them out, or give the scan.",
        )
    return None


def grid_for(labels: Path, scan: Volume | None) -> Volume | None:
    """The scan, where the label map is put on its grid: other formats have their own.

    Raises:
        UnusableInput: NOT_FOUND.
    """
    require_there(labels)
    is_dicom = labels.is_dir() or kind_of_file(labels) is FileKind.DICOM
    return scan if is_dicom else None
