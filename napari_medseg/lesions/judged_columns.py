"""What stands in the tables that compare lesions with a reference."""

import medseg
from napari_medseg.lesions.columns import Column, Value, hundredths, millilitres
from napari_medseg.lesions.judging import JudgedLesion

_STRUCTURE_WIDTH = 84


def _thousandths(value: Value) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "-"


def _number(value: int | None) -> Value:
    return None if value is None else float(value)


def _volume_ml(measure: medseg.InstanceMeasure | None) -> Value:
    return None if measure is None else measure.volume_ml


def _at(false_positives: float) -> Column[medseg.Froc]:
    words = f"{false_positives:g}"
    if false_positives < 1:
        words = f"1/{1 / false_positives:g}"
    return Column(
        header=words,
        meaning=f"Sensitivity at {words} false positives a scan, as LUNA16 takes it.",
        width=33,
        value=lambda curve: curve.sensitivity_at(false_positives),
        text=hundredths,
    )


JUDGED_STRUCTURE_COLUMN, JUDGED_CONFIDENCE_COLUMN = 2, 7
JUDGED_COLUMNS: tuple[Column[JudgedLesion], ...] = (
    Column(
        header="No.",
        meaning="Number in the layer of lesions; none for one that was missed.",
        width=32,
        value=lambda each: _number(each.match.prediction),
    ),
    Column(
        header="Ref. no.",
        meaning="Number in the reference; none for one that is false.",
        width=36,
        value=lambda each: _number(each.match.reference),
    ),
    Column(
        header="Structure",
        meaning="What it is one of.",
        width=_STRUCTURE_WIDTH,
        value=lambda each: each.match.structure,
    ),
    Column(
        header="Status",
        meaning="Found, false or missed. A click on a row goes to the lesion.",
        width=0,
        value=lambda each: each.match.finding.value,
    ),
    Column(
        header="IoU",
        meaning="Shared volume over that of both. Found needs more than 0.5; of one "
        "that stands alone it is the largest with any.",
        width=38,
        value=lambda each: each.match.iou,
        text=hundredths,
    ),
    Column(
        header="Volume (ml)",
        meaning="Volume in millilitres.",
        width=52,
        value=lambda each: _volume_ml(each.prediction),
        text=millilitres,
    ),
    Column(
        header="Ref. (ml)",
        meaning="Volume in the reference, in millilitres.",
        width=50,
        value=lambda each: _volume_ml(each.reference),
        text=millilitres,
    ),
    Column(
        header="Confidence",
        meaning="Mean probability that the model gives its voxels.",
        width=78,
        value=lambda each: each.match.confidence,
        text=hundredths,
    ),
)
QUALITY_COLUMNS: tuple[Column[medseg.PanopticScore], ...] = (
    Column(
        header="Structure",
        meaning="Organs are one piece each, lesions are counted.",
        width=0,
        value=lambda row: row.structure,
    ),
    Column(
        header="PQ",
        meaning="Panoptic quality, 0 to 1: SQ times RQ.",
        width=48,
        value=lambda row: row.pq,
        text=_thousandths,
    ),
    Column(
        header="SQ",
        meaning="Segmentation quality: mean IoU of those found.",
        width=48,
        value=lambda row: row.sq,
        text=_thousandths,
    ),
    Column(
        header="RQ",
        meaning="Recognition quality: found / (found + false / 2 + missed / 2).",
        width=48,
        value=lambda row: row.rq,
        text=_thousandths,
    ),
    Column(
        header="Found",
        meaning="True positives: with an IoU above 0.5.",
        width=48,
        value=lambda row: float(row.detection.found),
    ),
    Column(
        header="False",
        meaning="False positives: predicted, not in the reference.",
        width=44,
        value=lambda row: float(row.detection.spurious),
    ),
    Column(
        header="Missed",
        meaning="False negatives: in the reference, not predicted.",
        width=52,
        value=lambda row: float(row.detection.missed),
    ),
)
SENSITIVITY_COLUMNS: tuple[Column[medseg.Froc], ...] = (
    Column(
        header="Structure",
        meaning="What is looked for.",
        width=0,
        value=lambda curve: curve.structure,
    ),
    *(_at(each) for each in medseg.LUNA16_POINTS),
    Column(
        header="Mean",
        meaning="Of these sensitivities.",
        width=42,
        value=lambda curve: curve.luna16_score,
        text=hundredths,
    ),
)
