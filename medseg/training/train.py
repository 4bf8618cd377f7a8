"""From a dataset to a model folder."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.plan import Plan
from medseg.core.progress import Cancelled, Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Scores, mean_of
from medseg.core.settings import Folds, TrainingSettings
from medseg.inference import resolved_choice
from medseg.models import (
    TrainedModel,
    load_model,
    save_model,
    weights_bytes,
)
from medseg.training.cache import DatasetCache
from medseg.training.cases import TrainingCase
from medseg.training.checkpoint import TrainingState, load_checkpoint
from medseg.training.cross_validation import cross_validated
from medseg.training.loop import new_state, reproducible, training_steps, watch
from medseg.training.memory import training_memory
from medseg.training.milestones import Milestones, require_tensorboard
from medseg.training.out_folder import holds_networks, require_free
from medseg.training.planning import planned, prepared_cases
from medseg.training.runs import (
    CACHE_FOLDER,
    TRAINING_FOLDER,
    Finished,
    Run,
    described,
    split,
)
from medseg.training.samples import Chances, PatchSource
from medseg.training.splits import FOLD_COUNT
from medseg.training.starting import plan_from, start_from
from medseg.training.team import Team, assembled_team, own_device
from medseg.training.validation import results_of, validated

Split = tuple[tuple[Case, ...], tuple[Case, ...]]
_LOGGER = logging.getLogger(__name__)
_DEFAULT = TrainingSettings()
_MOST_WATCHED = 8


def train(
    dataset: Dataset,
    out: Path,
    settings: TrainingSettings = _DEFAULT,
    *,
    start: str | Path | None = None,
    resume: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> TrainedModel:
    """Train a network on a dataset, or one a fold, and write them as a model folder.

    Every process that `torchrun` starts calls this alike; together they train what one
    would, and the first of them writes.

    Args:
        dataset: From `read_dataset`.
        out: Folder to make; its name becomes the model's.
        settings: Size of the network, fold held out, steps, seed, device ...
        start: Name or folder of a model whose weights it starts from.
        resume: Go on from the checkpoints in `out`, if there are any.
        on_progress: Called after every case and step; may raise `Cancelled`, which
            keeps a checkpoint.

    Raises:
        WrongUse: OUTPUT_EXISTS without `resume`; OTHER_RECIPE when the checkpoint
            belongs to other data or settings; NO_SUCH_DEVICE; INVALID_OPTION;
            CHANNEL_MISMATCH when the dataset has not the channels of `start`.
        UnusableInput: Naming the case, model or checkpoint that cannot be used;
            OUT_OF_MEMORY or DISK_FULL, after which `resume` goes on.
        Cancelled: From `on_progress`.
    """
    if settings.freeze_encoder and start is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "an encoder of chance weights would be frozen",
            where="--freeze-encoder",
            remedy="Give the model to start from, too (--from).",
        )
    if settings.tensorboard:
        require_tensorboard()
    with assembled_team() as team:
        device, precision = resolved_choice(
            own_device(settings.device, team), settings.precision, trains=True
        )
        settings = replace(
            settings, device=device, precision=precision, compile=settings.is_compiled
        )
        with team.first_alone():
            if team.is_first:
                require_free(out, settings.fold, resume=resume)
                if resume and not out.exists():
                    _LOGGER.warning("there is no %s: training starts anew", out)
        training = _Training(
            dataset=dataset,
            out=out,
            settings=settings,
            start=None if start is None else load_model(start),
            resume=resume,
            on_progress=on_progress,
            team=team,
        )
        training.run()
    return load_model(out)


@dataclass(frozen=True, kw_only=True)
class _Training:
    """What was asked for, and who does it."""

    dataset: Dataset
    out: Path
    settings: TrainingSettings
    start: TrainedModel | None
    resume: bool
    on_progress: ProgressCallback
    team: Team

    def run(self) -> None:
        """Train every network wanted, score them, write the model folder."""
        fold = self.settings.fold
        folds = tuple(range(FOLD_COUNT)) if isinstance(fold, Folds) else (fold,)
        splits = [split(self.dataset, each) for each in folds]
        cache = DatasetCache(
            self.dataset,
            self.out / TRAINING_FOLDER / CACHE_FOLDER,
            allow_empty=self.settings.allow_empty,
        )
        with self.team.first_alone():
            plan = self._plan(cache)
            _tell_copies(splits, cache)
        finished: list[Finished] = []
        scores: list[Scores] = []
        seen = 0
        for each, (learned, held_out) in zip(folds, splits, strict=True):
            run = Run(
                dataset=self.dataset,
                out=self.out,
                plan=plan,
                settings=replace(self.settings, fold=each),
                learned=learned,
                held_out=held_out,
                start=self.start,
            )
            finished.append(self._finished(run, cache))
            self._save(finished)
            of_fold, seen_in_fold = validated(finished[-1], self.team, self.on_progress)
            scores += of_fold
            seen += seen_in_fold
        if not scores:
            return
        note = f"held-out cases of fold {fold} of {FOLD_COUNT}"
        largest: tuple[str, ...] = ()
        if isinstance(fold, Folds):
            note = f"{len(scores)} cases, each by the network not trained on it"
            runs = [each.run for each in finished]
            largest, scores = cross_validated(runs, self.team, self.on_progress)
        if seen:
            note += (
                f"; the model started from had learned from {seen} of them"
                if self.start
                else f"; {seen} of them are copies of cases that were learned from"
            )
            _LOGGER.warning("scores do not count as validation: %s", note)
        if self.settings.early_stop:
            note += "; some of them decided when to stop"
        if self.team.is_first:
            info = described(
                finished,
                self.settings,
                results_of(self.dataset, scores),
                note,
                largest,
            )
            save_model(info, [each.weights for each in finished], self.out)

    def _plan(self, cache: DatasetCache) -> Plan:
        """Plan of the dataset, or of the model started from; every case is looked at.

        Raises:
            WrongUse: INVALID_OPTION with fewer patches a step than processes.
        """
        earlier = None
        if self.start is not None:  # what it refuses is not to wait for every case
            earlier = plan_from(self.start, self.dataset, self.settings)
        found = planned(cache, self.settings, self.on_progress)
        plan = earlier or found
        if plan.batch_size < self.team.size:
            raise WrongUse(
                ErrorCode.INVALID_OPTION,
                f"{plan.batch_size} patches a step do not go round {self.team.size} "
                "processes",
                where="--batch-size",
                remedy="Give at least as many, or start fewer processes.",
            )
        return plan

    def _finished(self, run: Run, cache: DatasetCache) -> Finished:
        """One network, trained."""
        with self.team.first_alone():
            workers, on_progress = self.settings.workers, self.on_progress
            cases = prepared_cases(
                cache, run.learned, run.plan, workers=workers, on_progress=on_progress
            )
            watched = prepared_cases(
                cache,
                run.held_out[:_MOST_WATCHED],
                run.plan,
                workers=workers,
                on_progress=on_progress,
            )
        recipe = run.recipe([cache.digest(case) for case in run.learned])
        state = self._trained(run, recipe, cases, watched or cases[:_MOST_WATCHED])
        return Finished(
            run=run,
            weights=weights_bytes(state.average.module),
            cases=tuple((case.id, case.sha256) for case in cases),
            steps=state.step,
            seconds=state.seconds,
        )

    def _trained(
        self,
        run: Run,
        recipe: Mapping[str, str],
        cases: Sequence[TrainingCase],
        watched: Sequence[TrainingCase],
    ) -> TrainingState:
        """The loop with its log, pseudo-Dice and checkpoints."""
        plan, settings, team = run.plan, run.settings, self.team
        milestones = Milestones(run.folder, plan, settings, recipe)
        with training_memory(f"network of {run.name}"):
            state = new_state(plan, settings)
            if self.resume and milestones.checkpoint.exists():
                load_checkpoint(state, milestones.checkpoint, recipe)
                done = f"{run.name}: {state.step} of {settings.steps} steps"
                _LOGGER.info("going on after %s", done)
            elif self.start is not None:
                start_from(state.network, plan, self.start)
        seed = settings.seed
        source = PatchSource(
            cases,
            plan,
            seed=seed,
            chances=Chances(
                foreground_share=settings.foreground_share,
                randomises_domain=settings.domain_randomisation,
            ),
            workers=settings.workers,
            samples=range(team.rank, plan.batch_size, team.size),
            pinned=settings.device != "cpu",
        )
        fixed = PatchSource(watched, plan, seed=seed).watched()
        stage = "training" if run.settings.fold in (None, 0) else f"training {run.name}"
        dice: tuple[float | None, ...] = ()
        with ExitStack() as stack:
            stack.enter_context(reproducible(settings))
            if team.is_first:
                milestones.start(state.step)
                stack.enter_context(closing(milestones))
            batches = stack.enter_context(closing(source.batches(state.step)))
            for report in training_steps(state, batches, plan, settings, team):
                is_last = report.step == settings.steps
                if report.step % settings.checkpoint_every == 0 or is_last:
                    seen = watch(state, fixed, plan, settings)
                    dice = seen.dice
                    state.end_interval(team.agreed(mean_of(list(dice))))
                    if team.is_first:
                        milestones.reach(state, report, seen)
                progress = Progress(
                    stage=stage,
                    done=report.step,
                    total=settings.steps,
                    note=_note(report.loss, dice),
                )
                if team.any_of(self._is_cancelled(progress)):
                    if team.is_first:
                        milestones.save(state)
                    raise Cancelled
        return state

    def _is_cancelled(self, progress: Progress) -> bool:
        try:
            self.on_progress(progress)
        except Cancelled:
            return True
        return False

    def _save(self, finished: Sequence[Finished]) -> None:
        """The networks so far, as a model that can be used; never fewer than before."""
        info = described(finished, self.settings)
        with self.team.first_alone():
            if self.team.is_first and not holds_networks(self.out, info):
                save_model(info, [each.weights for each in finished], self.out)


def _tell_copies(splits: Sequence[Split], cache: DatasetCache) -> None:
    """Say before training which case held out is learned from under another name."""
    for learned, held_out in splits:
        by_image = {cache.image_sha256(case): case.id for case in learned}
        for case in held_out:
            if (copied := by_image.get(cache.image_sha256(case))) is not None:
                _LOGGER.warning(
                    "%s is held out and has the same image as %s, learned from",
                    case.id,
                    copied,
                )


def _note(loss: float, dice: Sequence[float | None]) -> str:
    mean = mean_of(list(dice))
    return f"loss {loss:.3f}" + ("" if mean is None else f", pseudo-Dice {mean:.3f}")
