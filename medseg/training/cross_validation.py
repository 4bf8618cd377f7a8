"""What five networks say about the cases they did not learn from, put together."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from medseg.core.case import Case
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.scores import Scores, mean_of
from medseg.inference import keep_largest_pieces
from medseg.io import read_segmentation, write_segmentation
from medseg.io.safe_writing import written_whole
from medseg.training.cases import read_case
from medseg.training.runs import Run
from medseg.training.team import Team
from medseg.training.validation import prediction_path, score_case, write_scores

_FOLDER = "cross_validation"
_LEAST_GAIN = 1e-4
_NO_LABEL = 2**16


@dataclass(frozen=True, kw_only=True)
class PieceEffect:
    """What keeping only the largest piece of a structure does to its mean Dice.

    Attributes:
        structure: Name.
        dice: Without it.
        dice_largest_piece: With it.
        cases: How many the means are over.
    """

    structure: str
    dice: float
    dice_largest_piece: float
    cases: int

    @property
    def helps(self) -> bool:
        """Whether it is to be done: the mean rises by at least 0.0001."""
        return self.dice_largest_piece - self.dice >= _LEAST_GAIN


def cross_validated(
    runs: Sequence[Run],
    team: Team,
    on_progress: ProgressCallback = ignore_progress,
) -> tuple[tuple[str, ...], list[Scores]]:
    """Choose the post-processing, apply it to every case, write label maps and scores.

    As in nnU-Net (Isensee et al., 2021), a structure keeps only its largest connected
    piece where that makes its mean Dice over the held-out cases better. No structure
    can lose by what is done to another.

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
    effects = piece_effects(runs[0].plan.labels.names, team.gathered(tried))
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
    structures: Sequence[str], tried: Sequence[Sequence[tuple[float, float] | None]]
) -> tuple[PieceEffect, ...]:
    """What keeping the largest piece does to each structure.

    Args:
        structures: Names.
        tried: For each case the Dice of each structure without and with it; None where
            neither map holds the structure.
    """
    effects = []
    for name, of_cases in zip(structures, zip(*tried, strict=True), strict=True):
        present = [dice for dice in of_cases if dice is not None]
        effects.append(
            PieceEffect(
                structure=name,
                dice=mean_of([dice for dice, _ in present]) or 0.0,
                dice_largest_piece=mean_of([dice for _, dice in present]) or 0.0,
                cases=len(present),
            )
        )
    return tuple(effects)


def _progress(stage: str, done: int, share: Sequence[tuple[Run, Case]]) -> Progress:
    case = share[done - 1][1]
    return Progress(stage=stage, done=done, total=len(share), note=case.id)


def _dice_without_and_with(
    run: Run, case: Case
) -> tuple[tuple[float, float] | None, ...]:
    _, reference = read_case(case, run.dataset)
    prediction = read_segmentation(prediction_path(run, case), run.plan.labels)
    looked_at = reference.array != (run.dataset.ignore_id or _NO_LABEL)
    mended = keep_largest_pieces(prediction.array, run.plan.labels.ids)
    pairs: list[tuple[float, float] | None] = []
    for id_ in run.plan.labels.ids:
        true = (reference.array == id_) & looked_at
        before, after = (
            _dice((array == id_) & looked_at, true)
            for array in (prediction.array, mended)
        )
        pairs.append(None if before is None or after is None else (before, after))
    return tuple(pairs)


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
    return score_case(final, read_case(case, run.dataset)[1], run.dataset)


def _write_effects(effects: Sequence[PieceEffect], path: Path) -> None:
    columns = ("structure", "dice", "dice_largest_piece", "cases", "is_applied")
    with (
        written_whole(path, overwrite=True) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(columns)
        for each in effects:
            dice = (f"{each.dice:.6f}", f"{each.dice_largest_piece:.6f}")
            writer.writerow((each.structure, *dice, each.cases, each.helps))
