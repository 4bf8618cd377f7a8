"""Quality scores fitted to what a model makes of cases that were new to it."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from pathlib import Path

from medseg.core.case import Dataset
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.model_quality import ModelQuality
from medseg.core.progress import ProgressCallback, ignore_progress
from medseg.core.quality import FEWEST_CASES
from medseg.core.settings import InferenceSettings
from medseg.inference import resolved_choice
from medseg.io.safe_writing import require_place
from medseg.models import (
    QUALITY_FILE,
    TrainedModel,
    load_networks,
    model_folder,
    read_model_info,
)
from medseg.quality.files import QUALITY_FOLDER, write_quality
from medseg.quality.judging import JudgedStructure, are_too_few, judged_structure
from medseg.quality.observing import CaseQuality, Observer
from medseg.quality.settings import QualitySettings
from medseg.quality.unseen import ALL_NETWORKS, unseen_by

_KEPT = "unfinished"
_DEFAULT = InferenceSettings()
_DEFAULT_QUALITY = QualitySettings()


@dataclass(frozen=True, kw_only=True)
class FittedQuality:
    """What came of a fit.

    Attributes:
        quality: The content of `quality.json`.
        structures: Each with its cases.
        folder: Where tables and figure lie.
        notes: What to know about it.
    """

    quality: ModelQuality
    structures: tuple[JudgedStructure, ...]
    folder: Path
    notes: tuple[str, ...]


def fit_model_quality(
    model: str | Path,
    dataset: Dataset,
    settings: InferenceSettings = _DEFAULT,
    quality: QualitySettings = _DEFAULT_QUALITY,
    on_progress: ProgressCallback = ignore_progress,
) -> FittedQuality:
    """Fit scores that predict a model's Dice, and put them into the model's folder.

    Every case is segmented that a network of the model had not learned from, as the
    model's provenance tells by the hashes of scans: in cross-validation by the network
    that held it out, a scan that is new to the model by all its networks. What a score
    is worth is told by cases held out from it: those of the same network at a time, or
    every fifth where one looked at all.

    `quality.json` comes last, tables and figure before it, each whole; cases that were
    done before a stop are not done again. Too few cases are refused before any is
    segmented, as far as their number tells, which leaves nothing behind; what has been
    segmented stays for a run over more cases.

    Args:
        model: Name of a shipped model or a model folder.
        dataset: From `read_dataset`; cases without a reference are left out.
        settings: How the networks are run. The score holds for results that are made
            with the same.
        quality: How it is judged.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        WrongUse: UNKNOWN_MODEL; NO_SUCH_DEVICE; INVALID_OPTION where every network
            learned from every case, or too few cases are left.
        UnusableInput: DAMAGED_MODEL; DISK_FULL or NOT_WRITABLE; or naming a case that
            cannot be used.
        Cancelled: From `on_progress`.
    """
    folder = model_folder(model)
    require_place(folder / QUALITY_FILE)
    loaded = load_networks(folder)
    device, precision = resolved_choice(settings.device, settings.precision)
    settings = replace(settings, device=device, precision=precision)
    kept = folder / QUALITY_FOLDER / _KEPT
    observer = Observer(
        dataset=dataset, unseen=unseen_by(loaded), settings=settings, kept=kept
    )
    asked = tuple(observer.asked(on_progress))
    if not asked:
        raise _nothing_new(folder, dataset)
    if are_too_few([each.network for each in asked]):
        raise _too_few(folder, len(asked))
    cases = tuple(observer.observed(asked, on_progress))
    names = loaded.info.plan.labels.names
    judged = [judged_structure(name, cases) for name in names]
    structures = tuple(each for each in judged if each is not None)
    if not structures:
        raise _too_few(folder, len(cases))
    quality_of_model = ModelQuality(
        scores=tuple(each.score for each in structures),
        results=tuple(each.result(quality.poor_below) for each in structures),
        model_sha256=loaded.sha256,
        dataset=dataset.name,
        settings=tuple(
            (each.name, str(getattr(settings, each.name))) for each in fields(settings)
        ),
    )
    if read_model_info(folder).weights != loaded.info.weights:
        _forget(kept)
        raise UnusableInput(
            ErrorCode.DAMAGED_MODEL,
            "the model was trained on while its quality was looked at",
            where=folder,
            remedy="Run it again when the training has ended.",
        )
    write_quality(quality_of_model, structures, folder)
    _forget(kept)
    without = [n for n, each in zip(names, judged, strict=True) if each is None]
    return FittedQuality(
        quality=quality_of_model,
        structures=structures,
        folder=folder / QUALITY_FOLDER,
        notes=tuple(_notes(loaded, cases, dataset, without)),
    )


def _forget(kept: Path) -> None:
    """Remove what was kept for a run that goes on, and its folder if nothing else is.

    A run that is over, with scores or without, leaves none of it in the model.
    """
    shutil.rmtree(kept, ignore_errors=True)
    with suppress(OSError):  # tables of a fit lie in it
        kept.parent.rmdir()


def _notes(
    model: TrainedModel,
    cases: Sequence[CaseQuality],
    dataset: Dataset,
    without: Sequence[str],
) -> Iterator[str]:
    """What to know about a fit."""
    if left := len(dataset.cases) - len(cases):
        yield f"{left} cases left out: learned from by every network, or no reference"
    if not model.info.training.image_sha256:
        yield (
            "what the model learned from is not known: the score means something only "
            "where these cases were not among it"
        )
    if len(model.networks) > 1 and all(c.network != ALL_NETWORKS for c in cases):
        yield (
            "networks were looked at one by one; all together are a little better than "
            "what is predicted"
        )
    for structure in without:
        yield f"{structure}: found in too few cases for a score"


def _nothing_new(folder: Path, dataset: Dataset) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        f"every network has learned from every case of {dataset.name} that has a "
        "reference: none tells how good its results are",
        where=folder,
        remedy="Give other cases, or train with --fold all (or a fold's number).",
    )


def _too_few(folder: Path, count: int) -> WrongUse:
    return WrongUse(
        ErrorCode.INVALID_OPTION,
        f"{count} cases are too few for a quality score of any structure: beside those "
        f"held out at a time, {FEWEST_CASES} have to hold it",
        where=folder,
        remedy="Give more cases that the model has not learned from.",
    )
