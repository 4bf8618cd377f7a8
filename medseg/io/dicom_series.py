"""DICOM files sorted into series, by their headers alone."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.checks import not_readable
from medseg.io.dicom_geometry import Stack, regular_stack
from medseg.io.dicom_headers import SliceHeader, read_headers
from medseg.io.dicom_parts import count_time_points
from medseg.io.dicom_planes import MIN_SLICES
from medseg.io.file_kinds import DICOM_SUFFIXES, is_dicom


@dataclass(frozen=True, kw_only=True)
class DicomSeries:
    """The files of one SeriesInstanceUID under a folder.

    Attributes:
        uid: SeriesInstanceUID; with #1, #2 ... after it where one of several volumes
            in it was chosen.
        folder: Folder they lie in, the innermost that holds all of them.
        modality: "CT", "MR" ...
        description: SeriesDescription; may be shown to the user, never stored.
        slices: What can be part of a volume.
        left_out: What cannot, with the reason and how many.
        sop_class: SOPClassUID of most of it.
        files: All of its files, in order of their names.
    """

    uid: str
    folder: Path
    modality: str
    description: str
    slices: tuple[SliceHeader, ...]
    left_out: tuple[str, ...]
    sop_class: str
    files: tuple[Path, ...]

    @property
    def is_volume(self) -> bool:
        """Whether there are slices enough; whether they are regular is not said."""
        return len(self.slices) >= MIN_SLICES

    @property
    def time_points(self) -> int:
        """Volumes of the same place in it: times, echoes, b-values; usually 1."""
        return count_time_points(self.slices)

    def stack(self, accept: AbstractSet[Accepted] = frozenset()) -> Stack:
        """Its slices as one regular volume.

        Args:
            accept: Problems that are mended and not refused.

        Raises:
            UnusableInput: NOT_A_VOLUME, or what `regular_stack` finds.
        """
        if not self.slices:
            raise UnusableInput(
                ErrorCode.NOT_A_VOLUME,
                f"the series holds no slices of a volume ({', '.join(self.left_out)})",
                where=self.folder,
                remedy="Give a CT, MR or PET series with positions.",
            )
        return regular_stack(self.slices, self.folder, accept)

    def __str__(self) -> str:
        return f"{self.uid} ({self.modality}, {len(self.slices)} slices)"


@dataclass(frozen=True, kw_only=True)
class DicomFolder:
    """What was found under a folder.

    Attributes:
        series: By ascending uid.
        damaged: Why each file whose header cannot be read cannot be read.
    """

    series: tuple[DicomSeries, ...]
    damaged: tuple[UnusableInput, ...]


def scan_dicom(
    files: Sequence[Path], on_progress: ProgressCallback = ignore_progress
) -> DicomFolder:
    """Read the headers of the DICOM files among some files and sort them by series."""
    headers: list[SliceHeader] = []
    damaged: list[UnusableInput] = []
    for number, file in enumerate(files):
        on_progress(Progress(stage="looking", done=number, total=len(files)))
        try:
            if is_dicom(file):
                headers += read_headers(file)
            elif file.suffix.lower() in DICOM_SUFFIXES:
                damaged.append(_not_dicom(file))
        except UnusableInput as error:
            damaged.append(error)
        except OSError as error:
            damaged.append(not_readable(error, file))
    uids = sorted({header.series_uid for header in headers})
    return DicomFolder(
        series=tuple(
            _series(uid, [h for h in headers if h.series_uid == uid]) for uid in uids
        ),
        damaged=tuple(damaged),
    )


def _series(uid: str, headers: Sequence[SliceHeader]) -> DicomSeries:
    usual_class, _ = Counter(header.sop_class for header in headers).most_common(1)[0]
    reasons = {
        (header.path, header.frame): header.why_not_a_slice
        or (None if header.sop_class == usual_class else "image of another kind")
        for header in headers
    }
    counted = Counter(reason for reason in reasons.values() if reason)
    parents = [header.path.parent for header in headers]
    shared = next(
        folder
        for folder in (parents[0], *parents[0].parents)
        if all(parent.is_relative_to(folder) for parent in parents)
    )
    return DicomSeries(
        uid=uid,
        folder=shared,
        modality=headers[0].modality,
        description=headers[0].description,
        slices=tuple(h for h in headers if reasons[h.path, h.frame] is None),
        left_out=tuple(f"{count} x {reason}" for reason, count in counted.items()),
        sop_class=usual_class,
        files=tuple(sorted({header.path for header in headers})),
    )


def _not_dicom(path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        "it is named as a DICOM file but is not one, or is cut off",
        where=path,
        remedy="Copy or export the series again.",
    )
