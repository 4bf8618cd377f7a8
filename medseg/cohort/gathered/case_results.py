"""Volumes and scores of one case, in a file of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.labels import Colour
from medseg.evaluation.scoring import ScoredCase
from medseg.io.checks import reading_errors
from medseg.io.safe_writing import written_whole
from medseg.report.instance_table import Cell


@dataclass(frozen=True, kw_only=True)
class StructureVolume:
    """How large a structure is.

    Attributes:
        structure: Name.
        label: Number in the label map.
        colour: As it is outlined.
        voxels: How many it has.
        volume_ml: Voxels times voxel volume.
        predicted_dice: By the model's quality score, to 4 digits; None where there is
            none, or where the structure was found nowhere.
        lesions: How many there are; None of an organ, and where none are told apart.
    """

    structure: str
    label: int
    colour: Colour
    voxels: int
    volume_ml: float
    predicted_dice: float | None = None
    lesions: int | None = None


@dataclass(frozen=True, kw_only=True)
class CaseResult:
    """What the tables of a cohort say of a case.

    Attributes:
        case_id: Name of the case.
        patient: As in the manifest.
        centre: As in the manifest.
        volumes: Of all structures the model knows, by ascending label.
        scored: Compared with its reference, where there is one.
        notes: What was decided or accepted on the way.
        lesions: A row of the table of lesions for each.
        format: By which the file is known.
    """

    case_id: str
    patient: str
    centre: str
    volumes: tuple[StructureVolume, ...]
    scored: ScoredCase | None
    notes: tuple[str, ...] = ()
    lesions: tuple[dict[str, Cell], ...] = ()
    format: Literal["medseg-cohort-case-1"] = "medseg-cohort-case-1"


_RESULT = TypeAdapter(CaseResult)


def write_result(result: CaseResult, path: Path) -> None:
    """Write it whole, or not at all.

    Raises:
        UnusableInput: DISK_FULL or NOT_WRITABLE.
    """
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_bytes(_RESULT.dump_json(result, indent=1))


def read_result(path: Path) -> CaseResult:
    """Read what `write_result` wrote.

    Raises:
        UnusableInput: NOT_READABLE, or INVALID_HEADER for any other file.
    """
    with reading_errors(path):
        content = path.read_bytes()
    try:
        return _RESULT.validate_json(content)
    except ValidationError as error:
        raise UnusableInput(
            ErrorCode.INVALID_HEADER,
            "this is no result of a cohort's case, or a damaged one",
            where=path,
            remedy="Remove it and run the cohort again: the case is then done anew.",
        ) from error
