"""A model folder's `quality.json`: read, checked and written."""

from math import isfinite
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.model_quality import QUALITY_FIGURES, ModelQuality
from medseg.io.checks import reading_errors
from medseg.models.description import first_fault

QUALITY_FILE = "quality.json"
_SCHEMA_VERSION = 1
_ADAPTER = TypeAdapter(ModelQuality)


def read_quality(folder: Path, model_sha256: str) -> ModelQuality | None:
    """The quality scores in a model folder; None where there are none.

    Args:
        folder: The model's.
        model_sha256: Of its weights.

    Raises:
        UnusableInput: DAMAGED_MODEL for a damaged file, or one of another model.
    """
    path = folder / QUALITY_FILE
    if not path.exists():
        return None
    with reading_errors(path):
        content = path.read_bytes()
    try:
        quality = _ADAPTER.validate_json(content)
    except ValidationError as error:
        raise _damaged(path, first_fault(error)) from None
    if quality.schema_version != _SCHEMA_VERSION:
        raise _damaged(
            path, f"schema version {quality.schema_version} is not {_SCHEMA_VERSION}"
        )
    for score in quality.scores:
        is_ours = len(score.features) == len(score.weights)
        is_ours &= {*score.features} <= {*QUALITY_FIGURES}
        if not is_ours or not all(map(isfinite, (*score.weights, score.intercept))):
            raise _damaged(path, f"the score of {score.structure} is not one of ours")
    if quality.model_sha256 != model_sha256:
        raise _damaged(path, "the scores were fitted to other weights")
    return quality


def quality_bytes(quality: ModelQuality) -> bytes:
    """The content of the file."""
    return _ADAPTER.dump_json(quality, indent=1) + b"\n"


def _damaged(where: Path, what: str) -> UnusableInput:
    return UnusableInput(
        ErrorCode.DAMAGED_MODEL,
        f"not usable as quality scores: {what}",
        where=where,
        remedy="Remove the file, or make it anew with medseg quality fit.",
    )
