"""Scores made by hand, and studies of them."""

from collections.abc import Sequence

import medseg
from medseg import (
    BootstrapSettings,
    MaskState,
    Scores,
    StructureScore,
    Study,
    StudySettings,
)

FEW_SAMPLES = BootstrapSettings(resamples=200)
STRUCTURES = ("liver", "spleen")


def row(
    structure: str,
    dice: float | None,
    *,
    state: MaskState = MaskState.BOTH_PRESENT,
    reference_ml: float = 100.0,
    volume_ml: float = 95.0,
    tolerance_mm: float | None = 2.0,
) -> StructureScore:
    """A structure whose distances follow from its Dice."""
    is_there = state is MaskState.BOTH_PRESENT
    return StructureScore(
        structure=structure,
        label=1 + STRUCTURES.index(structure),
        state=state,
        dice=dice,
        iou=None if dice is None else dice / (2 - dice),
        hd95_mm=10 * (1 - dice) if is_there and dice is not None else None,
        nsd=dice,
        tolerance_mm=tolerance_mm if dice is not None else None,
        volume_ml=0.0 if state is MaskState.PREDICTION_EMPTY else volume_ml,
        reference_volume_ml=0.0 if state is MaskState.REFERENCE_EMPTY else reference_ml,
        diagonal_mm=50.0,
    )


def cases_of(dice: Sequence[tuple[float, ...]], **more) -> tuple[Scores, ...]:
    """A case for each tuple of Dice, one a structure."""
    return tuple(
        Scores(
            case_id=f"case_{number:02}",
            rows=tuple(
                row(structure, value, volume_ml=90.0 + number, **more)
                for structure, value in zip(STRUCTURES, values, strict=False)
            ),
        )
        for number, values in enumerate(dice)
    )


def two_models(cases: int = 12) -> dict[str, tuple[Scores, ...]]:
    """A model, and one that is better by 0.1 in the liver and 0.05 in the spleen."""
    base = [(0.6 + 0.01 * (i % 5), 0.7 + 0.01 * (i % 7)) for i in range(cases)]
    return {
        "base": cases_of(base),
        "ours": cases_of([(liver + 0.1, spleen + 0.05) for liver, spleen in base]),
    }


def study_of(models=None, *, cases=None, **settings) -> Study:
    """A study with few bootstrap samples."""
    chosen = StudySettings(**{"bootstrap": FEW_SAMPLES, **settings})
    return medseg.compare(models or two_models(), cases=cases, settings=chosen)
