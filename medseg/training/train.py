"""From a dataset to a model folder."""

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from torch.distributed import is_torchelastic_launched

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.model_info import (
    ModelInfo,
    StructureResult,
    TrainingRecord,
    WeightFile,
)
from medseg.core.plan import Plan
from medseg.core.progress import Cancelled, Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Scores, mean_of
from medseg.core.settings import InferenceSettings, TrainingSettings
from medseg.core.versions import package_versions
from medseg.inference import resolved_choice
from medseg.io.safe_writing import written_whole
from medseg.models import TrainedModel, load_model, save_model, weights_bytes
from medseg.pipeline import segment
from medseg.report import scores_csv
from medseg.training.cache import DatasetCache
from medseg.training.cases import TrainingCase, read_case
from medseg.training.checkpoint import TrainingState, load_checkpoint
from medseg.training.loop import new_state, training_steps, watch
from medseg.training.milestones import Milestones
from medseg.training.planning import planned, prepared_cases
from medseg.training.samples import PatchSource
from medseg.training.splits import FOLD_COUNT, five_folds
from medseg.training.validation import score_case, scored_names

_LOGGER = logging.getLogger(__name__)
_DEFAULT = TrainingSettings()
_TRAINING_FOLDER = "training"
_CACHE_FOLDER = "cache"
_RECIPE = (
    *("preset", "architecture", "fold", "steps", "seed", "precision"),
    *("loss", "optimiser", "schedule", "learning_rate"),
    *("deep_supervision", "early_stop", "freeze_encoder"),
)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One training: what goes in, and where its files are."""

    dataset: Dataset
    out: Path
    plan: Plan
    settings: TrainingSettings
    learned: tuple[Case, ...]
    held_out: tuple[Case, ...]

    @property
    def name(self) -> str:
        return _run_name(self.settings.fold)

    @property
    def folder(self) -> Path:
        return self.out / _TRAINING_FOLDER / self.name

    def recipe(self, cases: Sequence[TrainingCase]) -> str:
        """Hash of everything a resumed run must share."""
        parts = {
            "plan": asdict(self.plan),
            "settings": [str(getattr(self.settings, name)) for name in _RECIPE],
            "cases": [(case.id, case.sha256) for case in cases],
        }
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def train(
    dataset: Dataset,
    out: Path,
    settings: TrainingSettings = _DEFAULT,
    *,
    resume: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> TrainedModel:
    """Train one network on a dataset and write it as a model folder.

    Args:
        dataset: From `read_dataset`.
        out: Folder to make; its name becomes the model's.
        settings: Size of the network, fold held out, steps, seed, device ...
        resume: Go on from the checkpoint in `out`, if there is one.
        on_progress: Called after every case and step; may raise `Cancelled`, which
            keeps a checkpoint.

    Raises:
        WrongUse: OUTPUT_EXISTS without `resume`; OTHER_RECIPE when the checkpoint
            belongs to other data or settings; NO_SUCH_DEVICE; INVALID_OPTION.
        UnusableInput: Naming the case, model or checkpoint that cannot be used.
        Cancelled: From `on_progress`.
    """
    _require_one_process()
    _require_free(out, _run_name(settings.fold), resume=resume)
    device, precision = resolved_choice(settings.device, settings.precision)
    settings = replace(settings, device=device, precision=precision)
    learned, held_out = _split(dataset, settings.fold)
    cache = DatasetCache(dataset, out / _TRAINING_FOLDER / _CACHE_FOLDER)
    workers = settings.workers
    plan = planned(cache, settings.preset, workers=workers, on_progress=on_progress)
    run = _Run(
        dataset=dataset,
        out=out,
        plan=plan,
        settings=settings,
        learned=learned,
        held_out=held_out,
    )
    cases = prepared_cases(
        cache, learned, plan, workers=workers, on_progress=on_progress
    )
    watched = prepared_cases(
        cache, held_out[:8], plan, workers=workers, on_progress=on_progress
    )
    watched = watched or cases[:8]
    state = _train(run, cases, watched, resume=resume, on_progress=on_progress)
    _save(run, cases, state, ())
    if held_out:
        results = _validate(run, on_progress)
        _save(run, cases, state, results)
    return load_model(out)


def _run_name(fold: int | None) -> str:
    return "all_cases" if fold is None else f"fold_{fold}"


def _require_one_process() -> None:
    """Refuse `torchrun`: its processes would all write the same folder."""
    if is_torchelastic_launched():
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "training runs in one process for now",
            where="torchrun",
            remedy="Start it with medseg train.",
        )


def _require_free(out: Path, run_name: str, *, resume: bool) -> None:
    """Refuse to mix a model with other files; the training to resume may be there.

    Raises:
        WrongUse: OUTPUT_EXISTS.
    """
    if not out.exists() or (out.is_dir() and _holds_only_a_cache(out)):
        return
    is_training = (out / _TRAINING_FOLDER / run_name).is_dir()
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


def _holds_only_a_cache(out: Path) -> bool:
    """Whether nothing is there but cases an earlier attempt prepared."""
    inside = [path.name for path in out.iterdir()]
    if inside != [_TRAINING_FOLDER]:
        return not inside
    return [path.name for path in (out / _TRAINING_FOLDER).iterdir()] in (
        [],
        [_CACHE_FOLDER],
    )


def _split(
    dataset: Dataset, fold: int | None
) -> tuple[tuple[Case, ...], tuple[Case, ...]]:
    """Cases to learn from and cases held out."""
    if fold is None:
        return dataset.cases, ()
    if not 0 <= fold < FOLD_COUNT:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"there is no fold {fold}",
            where="--fold",
            remedy=f"Use 0 to {FOLD_COUNT - 1}, or none to train on every case.",
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


def _train(
    run: _Run,
    cases: Sequence[TrainingCase],
    watched: Sequence[TrainingCase],
    *,
    resume: bool,
    on_progress: ProgressCallback,
) -> TrainingState:
    """The loop with its log, pseudo-Dice and checkpoints."""
    milestones = Milestones(run.folder, run.plan, run.settings, run.recipe(cases))
    state = new_state(run.plan, run.settings)
    if resume and milestones.checkpoint.exists():
        load_checkpoint(state, milestones.checkpoint, run.recipe(cases))
        _LOGGER.info("going on after step %d of %d", state.step, run.settings.steps)
    elif resume:
        _LOGGER.warning("nothing to resume here: starting with step 1")
    seed, workers = run.settings.seed, run.settings.workers
    source = PatchSource(cases, run.plan, seed=seed, workers=workers)
    fixed = PatchSource(watched, run.plan, seed=seed).watched()
    dice: tuple[float | None, ...] = ()
    milestones.start(state.step)
    with closing(milestones), closing(source.batches(state.step)) as batches:
        for report in training_steps(state, batches, run.plan, run.settings):
            is_last = report.step == run.settings.steps
            if report.step % run.settings.checkpoint_every == 0 or is_last:
                seen = watch(state, fixed, run.plan, run.settings)
                dice = seen.dice
                milestones.reach(state, report, seen)
            try:
                on_progress(
                    Progress(
                        stage="training",
                        done=report.step,
                        total=run.settings.steps,
                        note=_note(report.loss, dice),
                    )
                )
            except Cancelled:
                milestones.save(state)
                raise
    return state


def _note(loss: float, dice: Sequence[float | None]) -> str:
    mean = mean_of(list(dice))
    return f"loss {loss:.3f}" + ("" if mean is None else f", pseudo-Dice {mean:.3f}")


def _validate(run: _Run, on_progress: ProgressCallback) -> tuple[StructureResult, ...]:
    """Segment and score the held-out cases; their table goes into the model folder."""
    model = load_model(run.out)
    settings = InferenceSettings(
        device=run.settings.device, precision=run.settings.precision
    )
    scored: list[Scores] = []
    for done, case in enumerate(run.held_out, start=1):
        volume, reference = read_case(case, run.dataset)
        scored.append(
            score_case(segment(volume, model, settings), reference, run.dataset)
        )
        on_progress(
            Progress(
                stage="validating", done=done, total=len(run.held_out), note=case.id
            )
        )
    path = run.folder / "validation.csv"
    with written_whole(path, overwrite=True) as temporary:
        temporary.write_text(scores_csv(tuple(scored)), encoding="utf-8")
    return tuple(_result(name, scored) for name in scored_names(run.dataset))


def _result(structure: str, scored: Sequence[Scores]) -> StructureResult:
    rows = [scores[structure] for scores in scored]
    return StructureResult(
        structure=structure,
        mean_dice=mean_of([row.dice for row in rows]),
        mean_iou=mean_of([row.iou for row in rows]),
        cases=sum(row.dice is not None for row in rows),
    )


def _save(
    run: _Run,
    cases: Sequence[TrainingCase],
    state: TrainingState,
    results: tuple[StructureResult, ...],
) -> None:
    weights = weights_bytes(state.average.module)
    path = f"weights/{run.name}.safetensors"
    info = ModelInfo(
        name=run.out.resolve().name,
        summary=f"{', '.join(run.plan.labels.names)}; trained on {run.dataset.name}",
        licence=run.dataset.licence or "unknown",
        plan=run.plan,
        weights=(WeightFile(path=path, sha256=hashlib.sha256(weights).hexdigest()),),
        training=TrainingRecord(
            dataset=run.dataset.name,
            source=run.dataset.source,
            cases=tuple(case.id for case in cases),
            image_sha256=tuple(case.sha256 for case in cases),
            held_out=tuple(case.id for case in run.held_out),
            settings=tuple(
                (field.name, str(getattr(run.settings, field.name)))
                for field in fields(run.settings)
            ),
            steps=state.step,
            seconds=round(state.seconds, 1),
            versions=package_versions(),
        ),
        results=results,
        results_note=f"held-out cases of fold {run.settings.fold} of {FOLD_COUNT}"
        if results
        else "",
    )
    save_model(info, [weights], run.out)
