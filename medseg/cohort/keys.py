"""What a result depends on, as one short text: the same key, the same result."""

import hashlib
import json
import os
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from pydantic import TypeAdapter

from medseg.cohort.feasible import quality_file_of
from medseg.cohort.settings import WhatToMake
from medseg.core.cohort import CohortCase
from medseg.core.model_info import ModelInfo
from medseg.io.checks import reading_errors
from medseg.io.datasets.reading import DESCRIPTION_NAME
from medseg.io.file_kinds import files_below
from medseg.io.label_maps.named_voxels import names_path
from medseg.io.nrrd_mha.headers import read_text_header
from medseg.models import model_folder, read_model_info

_State = tuple[str, int, int]
_HEADERS = (".mhd", ".nhdr")
_INFO = TypeAdapter(ModelInfo)
_NOT_OF_THE_RESULT = {"summary", "licence", "results", "results_note"}


def key_of(case: CohortCase, asked: Mapping[str, object]) -> str:
    """Of a case, its files as they are now, and what is asked for.

    Files count by name, size and time of change: reading terabytes only to find that
    nothing changed would take longer than most of the work.

    Args:
        case: The case.
        asked: All that the result depends on besides the files, as JSON takes it.

    Raises:
        UnusableInput: NOT_READABLE.
    """
    content = {
        "asked": asked,
        "images": [_states_of(path) for path in case.images],
        "series": case.series,
        "reference": case.reference and _states_of_reference(case.reference),
        "patient": case.patient,
        "centre": case.centre,
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def made_with(asked: Mapping[str, object]) -> str:
    """One short text for all that is asked for."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]


def asked_for(make: WhatToMake) -> dict[str, object]:
    """All that results depend on besides the files, as JSON takes it.

    Raises:
        WrongUse: UNKNOWN_MODEL; INVALID_OPTION for predicted Dice where the model has
            no quality scores.
        UnusableInput: DAMAGED_MODEL.
    """
    names = [*make.models, *([make.region_model] if make.region_model else [])]
    return {
        **make.asked,
        "models": [_contents_of(model_folder(name)) for name in names],
        "has_region_model": make.region_model is not None,
        **({"quality_scores": _quality_of(make)} if make.quality else {}),
    }


def _quality_of(make: WhatToMake) -> str:
    """Stands for the scores that predict Dice."""
    path = quality_file_of(make.models[0])
    with reading_errors(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()


def _contents_of(folder: Path) -> list[object]:
    """What a model's description says, weights by their hashes; of both stages."""
    info = read_model_info(folder)
    content = _INFO.dump_python(info, mode="json", exclude=_NOT_OF_THE_RESULT)
    if info.plan.head is None:  # keys of earlier versions
        del content["plan"]["head"]
    contents = [content]
    below = folder / info.first_stage
    return [*contents, *(_contents_of(below) if info.first_stage else [])]


def _states_of_reference(path: Path) -> list[_State]:
    """Also of the files beside it that name its labels."""
    descriptions = [
        names_path(path),
        *(folder / DESCRIPTION_NAME for folder in (path.parent, path.parent.parent)),
    ]
    named = [_states_of(file) if file.is_file() else [] for file in descriptions]
    return [*_states_of(path), *chain.from_iterable(named)]


def _states_of(path: Path) -> list[_State]:
    """Of a file, or all in a folder; of a header also of the file with its voxels."""
    with reading_errors(path):
        files = sorted(files_below(path)) if path.is_dir() else [path]
        if path.suffix.lower() in _HEADERS:
            files.append(read_text_header(path).data_path)
        states = [(file, file.stat()) for file in files]
    return [
        (os.path.relpath(file, path.parent), state.st_size, state.st_mtime_ns)
        for file, state in states
    ]
