"""A model folder's `model.json`: read, checked and written."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.model_info import ModelInfo
from medseg.io.safe_writing import written_whole

MODEL_FILE = "model.json"
SCHEMA_VERSION = 1
_ADAPTER = TypeAdapter(ModelInfo)


def read_model_info(folder: Path) -> ModelInfo:
    """Description of the model in a folder.

    Raises:
        UnusableInput: DAMAGED_MODEL when there is none or it lacks what it must hold.
    """
    path = folder / MODEL_FILE
    try:
        info = _ADAPTER.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise damaged(folder, f"it holds no {MODEL_FILE}") from None
    except OSError as error:
        raise damaged(path, f"it cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise damaged(path, first_fault(error)) from None
    if info.schema_version != SCHEMA_VERSION:
        raise damaged(
            path, f"schema version {info.schema_version} is not {SCHEMA_VERSION}"
        )
    return info


def write_model_info(info: ModelInfo, folder: Path) -> None:
    """Write `model.json`, whole or not at all, over an earlier one."""
    with written_whole(folder / MODEL_FILE, overwrite=True) as temporary:
        temporary.write_bytes(_ADAPTER.dump_json(info, indent=1) + b"\n")


def first_fault(error: ValidationError) -> str:
    """Where in a JSON file the first fault is, and what it is."""
    first = error.errors()[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place or 'the file'}: {first['msg']}"


def damaged(where: Path, what: str) -> UnusableInput:
    """The error for a model folder that cannot be used."""
    return UnusableInput(
        ErrorCode.DAMAGED_MODEL,
        f"not a usable model: {what}",
        where=where,
        remedy="Copy or train it again; a stopped training goes on with --resume.",
    )
