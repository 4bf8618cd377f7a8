"""The model folder a training writes into, and what is there already."""

from pathlib import Path

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.model_info import ModelInfo
from medseg.core.settings import Folds
from medseg.models import MODEL_FILE, read_model_info
from medseg.training.runs import CACHE_FOLDER, TRAINING_FOLDER, run_name


def require_free(out: Path, fold: int | Folds | None, *, resume: bool) -> None:
    """Refuse to mix a model with other files; the training to resume may be there.

    Raises:
        WrongUse: OUTPUT_EXISTS.
    """
    if not out.exists() or (out.is_dir() and _holds_only_a_cache(out)):
        return
    trained = {path.name for path in (out / TRAINING_FOLDER).glob("fold_*")}
    is_training = bool(trained)
    if not isinstance(fold, Folds):
        is_training = (out / TRAINING_FOLDER / run_name(fold)).is_dir()
        is_training &= _networks_in(out) < 2
    if resume and is_training:
        return
    raise WrongUse(
        ErrorCode.OUTPUT_EXISTS,
        "the output is already there and is not an empty folder",
        where=out,
        remedy="Add --resume to go on with its training, or name a new folder."
        if is_training
        else "Name a new folder.",
    )


def _networks_in(out: Path) -> int:
    return len(read_model_info(out).weights) if (out / MODEL_FILE).exists() else 0


def _holds_only_a_cache(out: Path) -> bool:
    """Whether nothing is there but cases an earlier attempt prepared."""
    inside = [path.name for path in out.iterdir()]
    if inside != [TRAINING_FOLDER]:
        return not inside
    kept = [path.name for path in (out / TRAINING_FOLDER).iterdir()]
    return kept in ([], [CACHE_FOLDER])


def holds_networks(out: Path, info: ModelInfo) -> bool:
    """Whether the model there already has all these networks."""
    if not (out / MODEL_FILE).exists():
        return False
    return {*info.weights} <= {*read_model_info(out).weights}
