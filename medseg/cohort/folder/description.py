"""The file by which a folder is known as a cohort's, and what it was made with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from medseg.cohort.folder.places import Places
from medseg.cohort.settings import WhatToMake
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.evaluation.settings import EvaluationSettings
from medseg.io.checks import reading_errors
from medseg.io.safe_writing import is_leftover, require_absent_folder


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a cohort was made with, as far as its tables depend on it.

    Attributes:
        models: Names of the models.
        evaluation: How results are compared with references.
        has_thumbnails: Whether there are pictures.
        made_with: Stands for all that results depend on besides the scans: results of
            anything else are none of this cohort.
        settings: The settings among that, name and value.
        has_quality: Whether Dice is predicted.
        has_instances: Whether lesions are told apart.
        format: By which the file is known.
    """

    models: tuple[str, ...]
    evaluation: EvaluationSettings
    has_thumbnails: bool
    made_with: str
    settings: Mapping[str, str] = field(default_factory=dict)
    has_quality: bool = False
    has_instances: bool = False
    format: Literal["medseg-cohort-1"] = "medseg-cohort-1"


_DESCRIPTION = TypeAdapter(Description)


def description_of(make: WhatToMake, made_with: str) -> bytes:
    """The content of the file.

    Args:
        make: What is made of each scan.
        made_with: As in `Description`.
    """
    description = Description(
        models=tuple(_name_of(model) for model in make.models),
        evaluation=make.evaluation,
        has_thumbnails=make.thumbnails,
        made_with=made_with,
        settings=make.listed,
        has_quality=make.quality,
        has_instances=make.instances is not None,
    )
    return _DESCRIPTION.dump_json(description, indent=1)


def read_description(places: Places) -> Description:
    """What a cohort was made with.

    Raises:
        UnusableInput: NOT_FOUND in a folder that is no cohort's; NOT_READABLE.
    """
    if not places.description.is_file():
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "no cohort was run here",
            where=places.folder,
            remedy="Give the folder that medseg cohort run wrote to.",
        )
    with reading_errors(places.description):
        content = places.description.read_bytes()
    return read_written(content, places)


def read_written(content: bytes, places: Places) -> Description:
    """What `description_of` has written.

    Raises:
        UnusableInput: NOT_FOUND where it is damaged.
    """
    try:
        return _DESCRIPTION.validate_json(content)
    except (ValidationError, json.JSONDecodeError) as error:
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "the description of the cohort is damaged",
            where=places.description,
            remedy="Run the cohort again: it is written anew.",
        ) from error


def require_cohort_folder(places: Places) -> None:
    """Refuse a folder that holds something else than a cohort.

    Raises:
        WrongUse: OUTPUT_EXISTS.
    """
    if not places.description.exists():
        ours = {places.lock(None).name, *(lock.name for lock in places.shard_locks)}
        others = [
            path
            for path in (places.folder.iterdir() if places.folder.is_dir() else ())
            if path.name not in ours and not is_leftover(path)
        ]
        if others or places.folder.is_file():
            require_absent_folder(places.folder)


def _name_of(model: str) -> str:
    """A model's name without the folders above it, which are nobody's business."""
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2]
