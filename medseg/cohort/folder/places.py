"""Where the files of a cohort lie below its folder."""

import os
from dataclasses import dataclass
from pathlib import Path

from medseg.core.errors import ErrorCode, WrongUse
from medseg.io.file_kinds import SegmentationFormat

_SUFFIXES = {
    SegmentationFormat.NIFTI: ".nii.gz",
    SegmentationFormat.NRRD: ".nrrd",
    SegmentationFormat.META_IMAGE: ".mha",
    SegmentationFormat.DICOM_SEG: ".dcm",
    SegmentationFormat.DICOM_SEG_LABELMAP: ".dcm",
    SegmentationFormat.RTSTRUCT: ".dcm",
}


@dataclass(frozen=True)
class Shard:
    """Which part of the cases this machine works on.

    Attributes:
        number: From 1.
        of: How many parts there are.

    Raises:
        WrongUse: INVALID_OPTION.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"there is no part {self.number} of {self.of}",
                where="--shard",
                remedy="Give I/N with I from 1 to N.",
            )

    @staticmethod
    def parsed(text: str) -> "Shard":
        """A shard as it is written, "2/8".

        Raises:
            WrongUse: INVALID_OPTION.
        """
        number, _, of = text.partition("/")
        if not (number.isdigit() and of.isdigit()):
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"{text!r} is not a part of a whole",
                where="--shard",
                remedy="Give I/N, as 2/8.",
            )
        return Shard(int(number), int(of))


@dataclass(frozen=True)
class Places:
    """The paths of a cohort.

    Attributes:
        folder: Of the cohort.
    """

    folder: Path

    @property
    def description(self) -> Path:
        """What was asked for, by which a folder is known as a cohort's."""
        return self.folder / "cohort.json"

    @property
    def manifest(self) -> Path:
        """The cases with the paths of their files, for this machine only."""
        return self.folder / "manifest.csv"

    @property
    def journals(self) -> list[Path]:
        """All there are, of every machine."""
        return sorted(self.folder.glob("journal*.jsonl"))

    def journal(self, shard: Shard | None) -> Path:
        """The journal of one run."""
        part = f"-{shard.number}-of-{shard.of}" if shard else ""
        return self.folder / f"journal{part}.jsonl"

    def lock(self, shard: Shard | None) -> Path:
        """The file that one run at a time holds."""
        part = f"-{shard.number}-of-{shard.of}" if shard else ""
        return self.folder / f"run{part}.lock"

    def lock_of(self, journal: Path) -> Path:
        """The file that whoever writes a journal holds."""
        part = journal.stem.removeprefix("journal")
        return self.folder / f"run{part}.lock"

    @property
    def shard_locks(self) -> list[Path]:
        """The locks of parts."""
        return sorted(self.folder.glob("run-*-of-*.lock"))

    def locks_beside(self, shard: Shard | None) -> list[Path]:
        """The locks of parts that may share cases with this one."""
        return [
            lock
            for lock in self.shard_locks
            if shard is None or not lock.name.endswith(f"-of-{shard.of}.lock")
        ]

    def segmentation(self, case_id: str, file_format: SegmentationFormat) -> Path:
        """The label map of a case."""
        return self.folder / "segmentations" / f"{case_id}{_SUFFIXES[file_format]}"

    def result(self, case_id: str) -> Path:
        """Volumes and scores of a case."""
        return self.folder / "cases" / f"{case_id}.json"

    def thumbnail(self, case_id: str) -> Path:
        """A picture of a case."""
        return self.folder / "thumbnails" / f"{case_id}.png"

    def log(self, case_id: str) -> Path:
        """The traceback of an error that was not foreseen."""
        return self.folder / "logs" / f"{case_id}.txt"

    @property
    def folders(self) -> list[Path]:
        """The folder and all below it."""
        return [Path(path) for path, _, _ in os.walk(self.folder)]

    @property
    def cases_table(self) -> Path:
        """State of every case."""
        return self.folder / "cases.csv"

    @property
    def scores_table(self) -> Path:
        """Scores of every case and structure."""
        return self.folder / "scores.csv"

    @property
    def scores_parquet(self) -> Path:
        """The same in Parquet."""
        return self.folder / "scores.parquet"

    @property
    def volumes_parquet(self) -> Path:
        """The same in Parquet."""
        return self.folder / "volumes.parquet"

    @property
    def volumes_table(self) -> Path:
        """Volumes of every case and structure."""
        return self.folder / "volumes.csv"

    @property
    def instances_table(self) -> Path:
        """Measures of every lesion of every case."""
        return self.folder / "instances.csv"

    @property
    def instances_parquet(self) -> Path:
        """The same in Parquet."""
        return self.folder / "instances.parquet"

    @property
    def failures_table(self) -> Path:
        """Why cases could not be done."""
        return self.folder / "failures.csv"

    @property
    def contact_sheet(self) -> Path:
        """All pictures on one page."""
        return self.folder / "index.html"

    def name_of(self, path: Path) -> str:
        """A path as it is written into the journal."""
        return path.relative_to(self.folder).as_posix()
