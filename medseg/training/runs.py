"""One training: what goes in, and where its files are."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.model_info import (
    ModelInfo,
    StructureResult,
    TrainingRecord,
    WeightFile,
)
from medseg.core.plan import Plan
from medseg.core.settings import Folds, TrainingSettings
from medseg.core.versions import package_versions
from medseg.models import TrainedModel
from medseg.training.splits import FOLD_COUNT, five_folds

TRAINING_FOLDER = "training"
CACHE_FOLDER = "cache"
PLANNING = ("preset", "architecture", "memory_gib")
"""Settings that only a plan made anew follows."""

_DEFAULT = TrainingSettings()

_SAMPLING = ("foreground_share", "domain_randomisation")
"""Told of where they are not the usual, so that earlier checkpoints can be resumed."""

_LATER_REASONS = ("blocks",)
"""What plans of earlier checkpoints gave no reason for."""

_RECIPE = (
    *("fold", "steps", "seed", "precision", "compile", "deterministic"),
    *("loss", "optimiser", "schedule", "learning_rate"),
    *("deep_supervision", "early_stop", "freeze_encoder"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """The training of one network.

    Attributes:
        dataset: What it learns from.
        out: Model folder.
        plan: Of the network.
        settings: `fold` is a number or None.
        learned: Cases to learn from.
        held_out: Cases it is scored on.
        start: The model whose weights it starts from; None for chance.
    """

    dataset: Dataset
    out: Path
    plan: Plan
    settings: TrainingSettings
    learned: tuple[Case, ...]
    held_out: tuple[Case, ...]
    start: TrainedModel | None = None

    @property
    def name(self) -> str:
        """Of its files."""
        return run_name(self.settings.fold)

    @property
    def folder(self) -> Path:
        """What is written on the way, and the scores of the held-out cases."""
        return self.out / TRAINING_FOLDER / self.name

    @property
    def predictions(self) -> Path:
        """Label maps of the held-out cases."""
        return self.folder / "predictions"

    def recipe(self, digests: Sequence[str]) -> dict[str, str]:
        """Everything a resumed run must share, name and value.

        Args:
            digests: Of every case to learn from: its files and how they are read.
        """
        settings = self.settings
        shared = {name: str(getattr(settings, name)) for name in _RECIPE}
        for name in _SAMPLING:
            if getattr(settings, name) != getattr(_DEFAULT, name):
                shared[name] = str(getattr(settings, name))
        if settings.early_stop:
            shared["checkpoint_every"] = str(settings.checkpoint_every)
        return {
            **shared,
            "model started from": self.start.sha256 if self.start else "none",
            "plan": _hash_of(_described(self.plan)),
            "cases": _hash_of([*digests]),
        }


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A network that has been trained.

    Attributes:
        run: How.
        weights: As a safetensors file.
        cases: Id and image hash of each case it has learned from.
        steps: Weight updates.
        seconds: Time they took.
    """

    run: Run
    weights: bytes
    cases: tuple[tuple[str, str], ...]
    steps: int
    seconds: float

    @property
    def file(self) -> WeightFile:
        """Where its weights are."""
        digest = hashlib.sha256(self.weights).hexdigest()
        return WeightFile(path=f"weights/{self.run.name}.safetensors", sha256=digest)


def run_name(fold: int | Folds | None) -> str:
    """What the files of a training are called after."""
    match fold:
        case None:
            return "all_cases"
        case Folds.ALL:
            return "cross_validation"
        case _:
            return f"fold_{fold}"


def split(
    dataset: Dataset, fold: int | None
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Cases to learn from and cases held out.

    Raises:
        WrongUse: INVALID_OPTION when there is no such fold.
        UnusableInput: INVALID_DATASET when there are fewer cases than folds.
    """
    if fold is None:
        return dataset.cases, ()
    if not 0 <= fold < FOLD_COUNT:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"there is no fold {fold}",
            where="--fold",
            remedy=f"Use 0 to {FOLD_COUNT - 1}, all, or none to learn from every case.",
        )
    if len(dataset.cases) < FOLD_COUNT:
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            f"{len(dataset.cases)} cases cannot make {FOLD_COUNT} folds",
            where=dataset.name,
            remedy="Use --fold none to train on every case.",
        )
    out_ids = set(five_folds([case.id for case in dataset.cases])[fold])
    learned = tuple(case for case in dataset.cases if case.id not in out_ids)
    return learned, tuple(case for case in dataset.cases if case.id in out_ids)


def described(
    finished: Sequence[Finished],
    settings: TrainingSettings,
    results: tuple[StructureResult, ...] = (),
    results_note: str = "",
    largest_piece_only: tuple[str, ...] = (),
) -> ModelInfo:
    """Description of the model that one network or several make up."""
    run = finished[0].run
    start = run.start
    learned = dict(case for each in finished for case in each.cases)
    held_out = [case.id for each in finished for case in each.run.held_out]
    return ModelInfo(
        name=run.out.resolve().name,
        summary=f"{', '.join(run.plan.labels.names)}; trained on {run.dataset.name}",
        licence=run.dataset.licence or "unknown",
        plan=run.plan,
        weights=tuple(each.file for each in finished),
        training=TrainingRecord(
            dataset=run.dataset.name,
            source=run.dataset.source,
            cases=tuple(sorted(learned)),
            image_sha256=tuple(learned[id_] for id_ in sorted(learned)),
            held_out=tuple(id_ for id_ in held_out if id_ not in learned),
            settings=tuple(
                (field.name, str(getattr(settings, field.name)))
                for field in fields(settings)
                if start is None or field.name not in PLANNING
            ),
            steps=max(each.steps for each in finished),
            seconds=round(sum(each.seconds for each in finished), 1),
            versions=package_versions(),
            started_from=start.info.name if start else "",
            started_from_sha256=start.sha256 if start else "",
            earlier_image_sha256=_seen_by(start),
        ),
        results=results,
        results_note=results_note,
        largest_piece_only=largest_piece_only,
    )


def _described(plan: Plan) -> dict[str, object]:
    """The plan without what was not in it once, so that earlier checkpoints still fit.

    That is a head where it has none, and later reasons.
    """
    parts = asdict(plan)
    if plan.head is None:
        del parts["head"]
    reasons = [each for each in plan.reasons if each[0] not in _LATER_REASONS]
    return parts | {"reasons": reasons}


def _hash_of(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _seen_by(start: TrainedModel | None) -> tuple[str, ...]:
    if start is None:
        return ()
    record = start.info.training
    return tuple(sorted({*record.image_sha256, *record.earlier_image_sha256}))
