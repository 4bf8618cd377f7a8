"""The models shipped with MedSeg, one folder each beside this file."""

import os
from pathlib import Path

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.model_info import ModelInfo
from medseg.models.description import MODEL_FILE, read_model_info

_ZOO = Path(__file__).parent


def list_models() -> tuple[ModelInfo, ...]:
    """Descriptions of the shipped models, by name. Opens no weights."""
    return tuple(
        read_model_info(path.parent) for path in sorted(_ZOO.glob(f"*/{MODEL_FILE}"))
    )


def model_folder(name_or_folder: str | Path) -> Path:
    """Folder of a shipped model, or the folder given; a `Path` is always a folder.

    Raises:
        WrongUse: UNKNOWN_MODEL, with the names there are, or when the name could also
            mean a model folder right here.
    """
    shipped = {path.parent.name: path.parent for path in _ZOO.glob(f"*/{MODEL_FILE}")}
    if isinstance(name_or_folder, str) and name_or_folder in shipped:
        _require_no_namesake(Path(name_or_folder))
        return shipped[name_or_folder]
    if (folder := Path(name_or_folder)).is_dir():
        return folder
    raise WrongUse(
        ErrorCode.UNKNOWN_MODEL,
        "there is no such model",
        where=name_or_folder,
        remedy=f"Use one of: {', '.join(sorted(shipped))}; or a model folder's path.",
    )


def _require_no_namesake(folder: Path) -> None:
    """Refuse a shipped model's name where a folder here that is a model has it too."""
    if (folder / MODEL_FILE).exists():
        raise WrongUse(
            ErrorCode.UNKNOWN_MODEL,
            f"{folder} is a shipped model and also a model folder here",
            where=folder,
            remedy=f"Write .{os.sep}{folder} for the folder, or work elsewhere.",
        )
