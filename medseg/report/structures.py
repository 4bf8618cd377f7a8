"""What the report says about each structure."""

from dataclasses import dataclass

from medseg.core.labels import Colour, standard_colour
from medseg.core.scores import MaskState, Scores, StructureScore
from medseg.core.volume import Segmentation, voxels_of_labels

_STATES = {
    MaskState.BOTH_PRESENT: "",
    MaskState.PREDICTION_EMPTY: "missed",
    MaskState.REFERENCE_EMPTY: "not in reference",
    MaskState.BOTH_EMPTY: "absent",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One structure in the report.

    Attributes:
        name: Of the structure.
        label: Number in the label maps.
        colour: Of its outlines.
        volume_ml: Of the prediction.
        reference_volume_ml: None without a reference.
        score: None without scores.
    """

    name: str
    label: int
    colour: Colour
    volume_ml: float
    reference_volume_ml: float | None
    score: StructureScore | None

    @property
    def remark(self) -> str:
        """What is unusual about the masks; empty when both are there."""
        return _STATES[self.score.state] if self.score else ""

    @property
    def agreement(self) -> str:
        """Dice in words for a caption; empty when there is none."""
        if self.score is None or self.score.dice is None:
            return ""
        return self.remark or f"Dice {self.score.dice:.3f}"


def report_rows(
    prediction: Segmentation, reference: Segmentation | None, scores: Scores | None
) -> tuple[Row, ...]:
    """One row a structure, by ascending label: those scored, else those named."""
    maps = [prediction] if reference is None else [prediction, reference]
    named = {each.id: each for one in maps for each in one.labels}
    predicted = voxels_of_labels(prediction.array)
    wanted = None if reference is None else voxels_of_labels(reference.array)
    voxel_ml = prediction.geometry.voxel_volume_ml
    scored = {row.label: row for row in scores.rows} if scores else {}
    rows = []
    for label in sorted(set(scored) or {*named, *predicted}):
        structure = named.get(label)
        score = scored.get(label)
        fallback = structure.name if structure else f"label {label}"
        rows.append(
            Row(
                name=score.structure if score else fallback,
                label=label,
                colour=structure.colour if structure else standard_colour(label),
                volume_ml=predicted.get(label, 0) * voxel_ml,
                reference_volume_ml=None
                if wanted is None
                else wanted.get(label, 0) * voxel_ml,
                score=score,
            )
        )
    return tuple(rows)
