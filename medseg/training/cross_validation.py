"""What five networks say about the cases they did not learn from, put together."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medseg.core.case import Case, Dataset
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Scores, mean_of
from medseg.inference import keep_largest_pieces
from medseg.io import read_segmentation, write_segmentation
from medseg.io.safe_writing import written_whole
from medseg.training.cases import read_case
from medseg.training.runs import Run
from medseg.training.team import Team
from medseg.training.validation import prediction_path, scored_as_asked, write_scores

_FOLDER = "cross_validation"
_LEAST_GAIN = 1e-4
_NO_LABEL = 2**16


@dataclass(frozen=True, kw_only=True)
class PieceEffect:
    """What keeping only the largest piece of a structure does to Dice.

    Attributes:
        structure: Name of the label.
        scored: What is scored and changes with it: itself, or the regions it is in.
        dice: Mean Dice of each of those without it.
        dice_largest_piece: With it.
        cases: How many cases each mean is over.
    """

    structure: str
    scored: tuple[str, ...]
    dice: tuple[float, ...]
    dice_largest_piece: tuple[float, ...]
    cases: tuple[int, ...]

    @property
    def helps(self) -> bool:
        """Whether to do it: no mean falls, and one rises by at least 0.0001."""
        pairs = zip(self.dice, self.dice_largest_piece, strict=True)
        gains = [after - before for before, after in pairs]
        return min(gains) >= 0 and max(gains) >= _LEAST_GAIN


def cross_validated(
    runs: Sequence[Run],
    team: Team,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[tuple[str, ...], list[Scores]]:
    """Choose the post-processing, apply it to every case, write label maps and scores.

    As in nnU-Net (Isensee et al., 2021), a structure keeps only its largest connected
    piece where that makes its mean Dice over the held-out cases better, or of regions
    that of one, and of none worse.

    Args:
        runs: Of every fold, validated.
        team: Each process takes some of the cases.
        on_progress: Called after every case; may raise `Cancelled`.

    Returns:
        Names of the structures of which the largest piece is kept, and the scores that
        all cases have then.

    Raises:
        UnusableInput: DISK_FULL, or naming a case that cannot be used.
        Cancelled: From `on_progress`.
    """
    whole = [(run, case) for run in runs for case in run.held_out]
    share = team.share_of(sorted(whole, key=lambda pair: pair[1].id))
    tried = []
    for done, (run, case) in enumerate(share, start=1):
        tried.append(_dice_without_and_with(run, case))
        on_progress(_progress("trying post-processing", done, share))
    effects = piece_effects(_scored_with(runs[0].dataset), team.gathered(tried))
    largest = tuple(effect.structure for effect in effects if effect.helps)
    scores = []
    for done, (run, case) in enumerate(share, start=1):
        scores.append(_finally_scored(run, case, largest))
        on_progress(_progress("scoring", done, share))
    gathered = sorted(team.gathered(scores), key=lambda each: each.case_id)
    if team.is_first:
        folder = runs[0].out / _FOLDER
        write_scores(gathered, folder / "scores.csv")
        _write_effects(effects, folder / "postprocessing.csv")
    return largest, gathered


def piece_effects(
    scored_with: Mapping[str, Sequence[str]],
    tried: Sequence[Sequence[Sequence[tuple[float, float] | None]]],
) -> tuple[PieceEffect, ...]:
    """What keeping the largest piece of each structure does.

    Args:
        scored_with: What is scored and changes with each structure.
        tried: For each case and structure the Dice of each of those without and with
            it; None where neither map holds it.
    """
    effects = []
    for (structure, scored), of_cases in zip(
        scored_with.items(), zip(*tried, strict=True), strict=True
    ):
        columns = [
            [pair for pair in column if pair is not None]
            for column in zip(*of_cases, strict=True)
        ]
        effects.append(
            PieceEffect(
                structure=structure,
                scored=tuple(scored),
                dice=tuple(mean_of([a for a, _ in each]) or 0.0 for each in columns),
                dice_largest_piece=tuple(
                    mean_of([b for _, b in each]) or 0.0 for each in columns
                ),
                cases=tuple(len(each) for each in columns),
            )
        )
    return tuple(effects)


def _scored_with(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    if not dataset.regions:
        return {name: (name,) for name in dataset.labels.names}
    return {
        label.name: tuple(each.name for each in dataset.regions if label.id in each.ids)
        for label in dataset.labels
        if any(label.id in each.ids for each in dataset.regions)
    }


def _progress(stage: str, done: int, share: Sequence[tuple[Run, Case]]) -> Progress:
    case = share[done - 1][1]
    return Progress(stage=stage, done=done, total=len(share), note=case.id)


def _dice_without_and_with(
    run: Run, case: Case
) -> list[list[tuple[float, float] | None]]:
    """For each structure the Dice of all that is scored with it, before and after."""
    dataset, labels = run.dataset, run.plan.labels
    _, reference = read_case(case, dataset)
    prediction = read_segmentation(prediction_path(run, case), labels)
    looked_at = reference.array != (dataset.ignore_id or _NO_LABEL)
    ids_of: dict[str, tuple[int, ...]]
    ids_of = {name: (labels[name].id,) for name in labels.names}
    ids_of |= {region.name: region.ids for region in dataset.regions}
    tried = []
    for structure, scored in _scored_with(dataset).items():
        mended = keep_largest_pieces(prediction.array, [labels[structure].id])
        pairs: list[tuple[float, float] | None] = []
        for name in scored:
            true = np.isin(reference.array, ids_of[name]) & looked_at
            before, after = (
                _dice(np.isin(array, ids_of[name]) & looked_at, true)
                for array in (prediction.array, mended)
            )
            pairs.append(None if before is None else (before, after or 0.0))
        tried.append(pairs)
    return tried


def _dice(mask: np.ndarray, true: np.ndarray) -> float | None:
    size = int(mask.sum()) + int(true.sum())
    return 2 * int((mask & true).sum()) / size if size else None


def _finally_scored(run: Run, case: Case, largest: Sequence[str]) -> Scores:
    """Write the case's label map as the model would now give it, and score it."""
    prediction = read_segmentation(prediction_path(run, case), run.plan.labels)
    ids = [run.plan.labels[name].id for name in largest]
    final = replace(prediction, array=keep_largest_pieces(prediction.array, ids))
    path = run.out / _FOLDER / "predictions" / f"{case.id}.nii.gz"
    write_segmentation(final, path, overwrite=True)
    return scored_as_asked(final, read_case(case, run.dataset)[1], run, case)


def _write_effects(effects: Sequence[PieceEffect], path: Path) -> None:
    columns = (
        *("largest_piece_of", "scored", "dice", "dice_largest_piece"),
        *("cases", "is_applied"),
    )
    with (
        written_whole(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(columns)
        for each in effects:
            for name, *values in zip(
                each.scored, each.dice, each.dice_largest_piece, each.cases, strict=True
            ):
                before, after, cases = values
                dice = (f"{before:.6f}", f"{after:.6f}")
                writer.writerow((each.structure, name, *dice, cases, each.helps))
