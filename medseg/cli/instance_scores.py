"""Commands that judge lesions told apart: panoptic quality, and FROC."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.instance_options import DEFAULT_SEPARATION, Separation, Structures
from medseg.cli.instance_output import (
    require_csv,
    require_picture,
    require_table,
    write_table,
)
from medseg.cli.instance_reading import told_or_apart
from medseg.cli.scans import Flat, Json, Overwrite
from medseg.core.froc import froc_table
from medseg.core.text_table import counted
from medseg.evaluation.pairing import Pairs, pairs_of

Out = Annotated[Path | None, Parameter(name=["--out", "-o"])]
_MOST_NAMED = 5


def score(  # noqa: PLR0913 - one an option
    prediction: Path,
    reference: Path,
    /,
    *,
    out: Out = None,
    lesions: Path | None = None,
    structure: Structures = (),
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Score labels and lesions: PQ, SQ and RQ of each structure.

    For folders, counts are summed over cases before the qualities are computed; the
    written table has a row a case and structure.

    Example: medseg instances score results/ labelsTr/ -o panoptic.csv

    Args:
        prediction: Label map with its lesions, or folder of them. In a label map
            without stored lesions they are separated first.
        reference: The same; files in folders belong together by name.
        out: Table to write: .csv or .json.
        lesions: Table of each lesion (found, false or missed) to write: .csv.
        structure: Structure to count if lesions are separated; once for each. Default:
            all lesions by name or kind.
        separation: What one lesion is, if lesions are separated.
        overwrite: Replace an earlier table.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    if lesions is not None:
        require_csv(lesions, overwrite=overwrite)
    pairs = pairs_of(prediction, reference, None)
    _tell_alone(pairs)
    scores, matches = [], {}
    for found, wanted in _read(pairs, structure, separation):
        if lesions is None:
            scores.append(medseg.score_panoptic(found, wanted))
        else:
            judged = medseg.judge_instances(found, wanted)
            scores.append(judged.scores)
            matches[found.case_id] = judged.matches
    rows = medseg.panoptic_json(scores)
    total = scores[0] if len(scores) == 1 else medseg.panoptic_total(scores, "all")
    print(rows.rstrip() if as_json else total.table())
    if out is not None:
        write_table(out, medseg.panoptic_csv(scores), rows, overwrite=overwrite)
    if lesions is not None:
        with medseg.written_whole(lesions, overwrite=overwrite) as temporary:
            temporary.write_text(medseg.instance_matches_csv(matches), encoding="utf-8")


def froc(  # noqa: PLR0913 - one an option
    prediction: Path,
    reference: Path,
    /,
    *,
    out: Out = None,
    picture: Path | None = None,
    structure: Structures = (),
    iou_threshold: float = 0.0,
    separation: Annotated[Separation, Flat] = DEFAULT_SEPARATION,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Judge detection: sensitivity at 1/8 to 8 false positives a case (LUNA16).

    Example: medseg instances froc results/ labelsTr/ -o froc.csv --picture froc.png

    Args:
        prediction: Label map whose lesions have confidences, or folder of them, as from
            segment --instances --save-probabilities.
        reference: The same without confidences; in a label map without stored lesions
            they are separated first.
        out: Table to write: .csv with every point of the curves, .json with
            sensitivities.
        picture: Picture of the curves to write: .png.
        structure: Structure to score; once for each. Default: all with a lesion in a
            reference.
        iou_threshold: A lesion is found if its IoU is above this; 0 asks for one shared
            voxel.
        separation: What one lesion of the references is, if they are separated.
        overwrite: Replace earlier files.
        as_json: Print JSON instead of a table.
    """
    if out is not None:
        require_table(out, overwrite=overwrite)
    if picture is not None:
        require_picture(picture, overwrite=overwrite)
    pairs = pairs_of(prediction, reference, None)
    _tell_alone(pairs)
    cases = _read(pairs, structure, separation)
    curves = medseg.instance_frocs(cases, structure, iou_threshold=iou_threshold)
    for curve in curves:
        left = f"not naming {curve.structure!r}: counted as without a lesion"
        _tell("reference", left, curve.unnamed)
    rows = medseg.froc_json(curves)
    print(rows.rstrip() if as_json else froc_table(curves))
    if out is not None:
        write_table(out, medseg.froc_csv(curves), rows, overwrite=overwrite)
    if picture is not None:
        with medseg.written_whole(picture, overwrite=overwrite) as temporary:
            temporary.write_bytes(medseg.froc_png(curves))


def _read(
    pairs: Pairs, structure: tuple[str, ...], separation: Separation
) -> Iterator[tuple[medseg.Panoptic, medseg.Panoptic]]:
    """Prediction and reference of each case, one after the other."""
    for case in pairs.cases:
        found = told_or_apart(case.prediction, structure, separation, pairs.labels)
        names = pairs.labels or found.labels
        yield found, told_or_apart(case.reference, structure, separation, names)


def _tell_alone(pairs: Pairs) -> None:
    _tell("reference", "without a prediction left out", pairs.missing)
    _tell("prediction", "without a reference left out", pairs.surplus)


def _tell(what: str, left_out: str, cases: tuple[str, ...]) -> None:
    if cases:
        more = ", ..." if len(cases) > _MOST_NAMED else ""
        named = ", ".join(cases[:_MOST_NAMED])
        told = f"{counted(len(cases), what)} {left_out}"
        print(f"note: {told}: {named}{more}", file=sys.stderr)
