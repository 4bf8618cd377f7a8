"""A folder of scans, segmented one after the other."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.segment_work import Made, SegmentWork, files_of, print_made
from medseg.core.acceptance import Accepted
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.progress import Progress, ProgressCallback
from medseg.io.checks import stem_of
from medseg.io.file_kinds import (
    DICOM_SUFFIXES,
    FileKind,
    SegmentationFormat,
    is_hidden,
    kind_of_name,
)
from medseg.pipeline import overlapped

EXIT_NONE_DONE = 1
EXIT_PARTLY_DONE = 3

_SUFFIXES = {
    SegmentationFormat.NIFTI: ".nii.gz",
    SegmentationFormat.NRRD: ".nrrd",
    SegmentationFormat.META_IMAGE: ".mha",
}


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One scan of a folder.

    Attributes:
        scan: Its file.
        out: Its label map.
        place: Which of how many it is, in words.
    """

    scan: Path
    out: Path
    place: str


def scans_in(scan: Path, out: Path) -> list[Path]:
    """The NIfTI files of a folder, if label maps of all of them are to be written."""
    is_file = kind_of_name(out) is not None or out.suffix.lower() in DICOM_SUFFIXES
    if not scan.is_dir() or (is_file and not out.is_dir()):
        return []
    return sorted(
        file
        for file in scan.iterdir()
        if file.is_file()
        and not is_hidden(file.name)
        and kind_of_name(file) is FileKind.NIFTI
    )


def require_plain_folder(
    series: str | None,
    channel: tuple[str, ...],
    file_format: SegmentationFormat | None,
) -> None:
    """Refuse what only makes sense for a single scan."""
    is_dicom = file_format is not None and file_format.is_dicom
    given = {"--series": series, "--channel": channel, "--format": is_dicom}
    for option, value in given.items():
        if value:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                "it cannot be used with a folder of NIfTI files",
                where=option,
                remedy="Leave it out, or segment the scans one by one.",
            )


def segment_folder(
    scans: list[Path], out: Path, work: SegmentWork, accept: tuple[Accepted, ...]
) -> int:
    """Segment every scan, one that fails not stopping the others.

    Returns:
        Exit code: 3 when some of them failed, 1 when all did.
    """
    suffix = _SUFFIXES[work.file_format or SegmentationFormat.NIFTI]
    jobs = [
        _Job(
            scan=scan,
            out=out / f"{stem_of(scan)}{suffix}",
            place=f"{number} of {len(scans)}",
        )
        for number, scan in enumerate(scans, start=1)
    ]
    _require_distinct(jobs, out)
    for job in jobs:
        work.require_writable(job.out, scans)

    def read(job: _Job) -> medseg.Volume:
        files = files_of((), job.scan, work.channels)
        return medseg.read_volume(job.scan, channels=files, accept=frozenset(accept))

    def write(job: _Job, made: Made) -> Made:
        work.write(made, job.out)
        return made

    failed = 0
    with shown_progress() as progress:

        def compute(job: _Job, volume: medseg.Volume) -> Made:
            return work.made(volume, _noting(progress, job))

        for outcome in overlapped(jobs, read, compute, write):
            if outcome.error is not None or outcome.written is None:
                print(outcome.error, file=sys.stderr)
                failed += 1
            else:
                print_made(outcome.written, outcome.item.out)
    if failed == len(jobs):
        return EXIT_NONE_DONE
    return EXIT_PARTLY_DONE if failed else 0


def _require_distinct(jobs: list[_Job], out: Path) -> None:
    """Refuse two scans whose label maps would have one name."""
    names = [job.out.name for job in jobs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"two scans would both be written to {twice[0]}",
            where=out,
            remedy="Give scans of the same name other names.",
        )


def _noting(progress: ProgressCallback, job: _Job) -> ProgressCallback:
    def report(step: Progress) -> None:
        progress(replace(step, note=f"{job.scan.name}, {job.place}"))

    return report
