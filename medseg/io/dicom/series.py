"""DICOM files sorted into series, by their headers alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.io.checks import not_readable
from medseg.io.dicom.broken import broken_dicom
from medseg.io.dicom.geometry import Stack, regular_stack
from medseg.io.dicom.headers import SliceHeader, read_headers
from medseg.io.dicom.parts import count_time_points
from medseg.io.dicom.planes import MIN_SLICES
from medseg.io.dicom.scale import require_one_scale
from medseg.io.file_kinds import FileKind, kind_of_bytes
from medseg.io.read_ahead import FileStart, read_ahead


@dataclass(frozen=True, kw_only=True)
class DicomSeries:
    """The files of one SeriesInstanceUID under a folder.

    Attributes:
        uid: SeriesInstanceUID; with #1, #2 ... after it where one of several volumes
            in it was chosen.
        folder: Folder they lie in, the innermost that holds all of them.
        modality: "CT", "MR" ...; empty for what is no code of DICOM's.
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
    def kind_of_image(self) -> str:
        """Its modality, "image" where that is not known."""
        return self.modality or "image"

    @property
    def time_points(self) -> int:
        """Volumes of the same place in it: times, echoes, b-values; usually 1."""
        return count_time_points(self.slices)

    def stack(self, accept: AbstractSet[Accepted] = frozenset()) -> Stack:
        """Its slices as one regular volume.

        Args:
            accept: Problems that are mended and not refused.

        Raises:
            UnusableInput: NOT_A_VOLUME, UNSUPPORTED_ENCODING, or what `regular_stack`
                and `require_one_scale` find, or TRUNCATED_FILE or INVALID_HEADER for
                headers that ask for other pixels than there are.
        """
        if not self.slices:
            raise UnusableInput(
                ErrorCode.NOT_A_VOLUME,
                f"the series holds no slices of a volume ({', '.join(self.left_out)})",
                where=self.folder,
                remedy="Give a CT, MR or PET series with positions.",
            )
        stack = regular_stack(self.slices, self.folder, accept)
        used = [header for group in stack.positions for header in group]
        require_one_scale(used)
        for header in used:
            header.layout.require_consistent(header.path)
        return stack

    def __str__(self) -> str:
        return f"{self.uid} ({self.kind_of_image}, {len(self.slices)} slices)"


@dataclass(frozen=True, kw_only=True)
class DicomFolder:
    """What was found under a folder.

    Attributes:
        series: By ascending uid.
        damaged: Why each file whose header cannot be read cannot be read.
        others: Files of another format, by the marks in their first bytes.
    """

    series: tuple[DicomSeries, ...]
    damaged: tuple[UnusableInput, ...]
    others: Mapping[Path, FileKind] = field(default_factory=dict)


def scan_dicom(
    files: Sequence[Path], on_progress: ProgressCallback = ignore_progress
) -> DicomFolder:
    """Read the headers of the DICOM files among some files and sort them by series."""
    headers: list[SliceHeader] = []
    damaged: list[UnusableInput] = []
    others: dict[Path, FileKind] = {}
    unknown: list[FileStart] = []
    with closing(read_ahead(files)) as starts:
        for number, start in enumerate(starts):
            on_progress(Progress(stage="looking", done=number, total=len(files)))
            kind = kind_of_bytes(start.content)
            if start.error is not None:
                damaged.append(not_readable(start.error, start.path))
            elif kind is None:
                unknown.append(start)
            elif kind is not FileKind.DICOM:
                others[start.path] = kind
            else:
                try:
                    headers += read_headers(start.path, start.content)
                except UnusableInput as error:
                    damaged.append(error)
    whole = {header.path for header in headers}
    damaged += [_not_dicom(path) for path in broken_dicom(unknown, whole)]
    by_uid: dict[str, list[SliceHeader]] = {}
    for header in headers:
        by_uid.setdefault(header.series_uid, []).append(header)
    return DicomFolder(
        series=tuple(_series(uid, by_uid[uid]) for uid in sorted(by_uid)),
        damaged=tuple(damaged),
        others=others,
    )


def _series(uid: str, headers: Sequence[SliceHeader]) -> DicomSeries:
    usual_class, _ = Counter(header.sop_class for header in headers).most_common(1)[0]
    reasons = [header.why_not_a_slice for header in headers]
    counted = Counter(reason for reason in reasons if reason)
    return DicomSeries(
        uid=uid,
        folder=_shared_folder({header.path.parent for header in headers}),
        modality=headers[0].modality,
        description=headers[0].description,
        slices=tuple(
            header
            for header, reason in zip(headers, reasons, strict=True)
            if reason is None
        ),
        left_out=tuple(f"{count} x {reason}" for reason, count in counted.items()),
        sop_class=usual_class,
        files=tuple(sorted({header.path for header in headers})),
    )


def _shared_folder(folders: AbstractSet[Path]) -> Path:
    """The innermost folder that holds all of some folders."""
    first = min(folders)
    return next(
        folder
        for folder in (first, *first.parents)
        if all(each.is_relative_to(folder) for each in folders)
    )


def _not_dicom(path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.TRUNCATED_FILE,
        "it is named as a DICOM file but is not one, or is cut off",
        where=path,
        remedy="Copy or export the series again, or take the file out.",
    )
