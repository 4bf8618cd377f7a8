"""One page to look through hundreds of results."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from medseg.cohort.folder.places import Places
from medseg.cohort.gathered.case_results import CaseResult, StructureVolume
from medseg.cohort.gathered.unusual import (
    UNUSUAL,
    missed_structures,
    predicted_of_case,
    unusualness,
)
from medseg.cohort.status import CohortStatus
from medseg.core.cohort import CaseFailure
from medseg.core.errors import ErrorCode
from medseg.core.evaluation import Evaluation
from medseg.core.labels import Colour
from medseg.report import RESEARCH_ONLY, rendered

MOST_CARDS = 2000
"""A browser takes no more in its stride."""

_MOST_ROWS = 8
_NOT_SCORED = 2.0
_NOT_PREDICTED = -1.0


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What the page is about.

    Attributes:
        models: Names of the models.
        status: Of the cohort.
        results: Of the cases that are done.
        evaluation: Their scores, where there are references.
        has_thumbnails: Whether there are pictures.
        has_quality: Whether Dice is predicted.
    """

    models: tuple[str, ...]
    status: CohortStatus
    results: Sequence[CaseResult]
    evaluation: Evaluation | None
    has_thumbnails: bool
    has_quality: bool = False


@dataclass(frozen=True, kw_only=True)
class _Row:
    structure: str
    colour: Colour
    volume_ml: float
    dice: float | None
    predicted_dice: float | None
    lesions: int | None
    is_found: bool
    is_unusual: bool


@dataclass(frozen=True, kw_only=True)
class _Card:
    case_id: str
    patient: str
    centre: str
    picture: str
    mean_dice: float | None
    predicted_dice: float | None
    unusual: float
    rows: tuple[_Row, ...]
    rows_left: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Page:
    title: str
    research_only: str
    facts: tuple[tuple[str, str], ...]
    key: tuple[tuple[str, Colour], ...]
    notes: tuple[str, ...]
    cards: tuple[_Card, ...]
    cards_left: int
    failures: tuple[CaseFailure, ...]
    codes: tuple[tuple[ErrorCode, int], ...]
    has_scores: bool
    has_quality: bool


def contact_sheet(sheet: Sheet, places: Places) -> str:
    """The page as HTML; its pictures are the files in the folder `thumbnails`.

    The worst come first: by Dice; without references by the lowest predicted Dice, and
    by volumes that are unlike those of the others. A case for which no Dice could be
    predicted comes before the others, as nothing speaks for it. The page holds no path
    and no time: the same cases give the same page.

    Args:
        sheet: What it is about.
        places: Where the pictures lie.
    """
    shared = _shared_notes(sheet.results)
    cards = sorted(_cards(sheet, places, shared), key=_worst_first)
    models = " + ".join(sheet.models)
    page = _Page(
        title=f"Cohort: {models}",
        research_only=RESEARCH_ONLY,
        facts=tuple(_facts(sheet, models)),
        key=_key(sheet.results),
        notes=shared,
        cards=tuple(cards[:MOST_CARDS]),
        cards_left=len(cards[MOST_CARDS:]),
        failures=sheet.status.problems,
        codes=sheet.status.failures_by_code,
        has_scores=any(card.mean_dice is not None for card in cards),
        has_quality=sheet.has_quality,
    )
    return rendered("cohort.html.jinja", page)


def _facts(sheet: Sheet, models: str) -> list[tuple[str, str]]:
    done, total = len(sheet.results), len(sheet.status.states)
    failed, unscored = len(sheet.status.failures), len(sheet.status.unscored)
    without = f" ({unscored} without scores)" if unscored else ""
    cases = f"{done} of {total} done{without}, {failed} failed"
    facts = [("Model", models), ("Cases", cases)]
    counts = [each.lesions for result in sheet.results for each in result.volumes]
    if told := [count for count in counts if count is not None]:
        facts.append(("Lesions", f"{sum(told)}"))
    if sheet.evaluation and sheet.evaluation.mean_dice is not None:
        facts.append(("Mean Dice", f"{sheet.evaluation.mean_dice:.3f}"))
    if sheet.evaluation and sheet.evaluation.trained_on:
        seen, scored = len(sheet.evaluation.trained_on), len(sheet.evaluation.cases)
        facts.append(("Trained on", f"{seen} of {scored}: no measure of new scans"))
    return facts


def _key(results: Sequence[CaseResult]) -> tuple[tuple[str, Colour], ...]:
    """Every structure with its colour, in the order of the labels."""
    found = {each.label: each for result in results for each in result.volumes}
    return tuple((found[n].structure, found[n].colour) for n in sorted(found))


def _shared_notes(results: Sequence[CaseResult]) -> tuple[str, ...]:
    """What is noted of every case and so says nothing about one."""
    counts = Counter(note for result in results for note in dict.fromkeys(result.notes))
    return tuple(note for note in counts if counts[note] == len(results) > 1)


def _cards(sheet: Sheet, places: Places, shared: Sequence[str]) -> list[_Card]:
    evaluation = sheet.evaluation
    scores = {case.case_id: case for case in evaluation.cases} if evaluation else {}
    unusual = unusualness(sheet.results)
    missed = missed_structures(sheet.results, unusual)
    cards = []
    for result in sheet.results:
        scored = scores.get(result.case_id)
        dice = {row.structure: row.dice for row in scored.rows} if scored else {}
        odd, gone = unusual[result.case_id], missed[result.case_id]
        picture = places.name_of(places.thumbnail(result.case_id))
        rows = _rows(result.volumes, dice, odd, gone)
        predicted = predicted_of_case(result, gone) if sheet.has_quality else None
        cards.append(
            _Card(
                case_id=result.case_id,
                patient=result.patient,
                centre=result.centre,
                picture=picture if sheet.has_thumbnails else "",
                mean_dice=scored.mean_dice if scored else None,
                predicted_dice=predicted,
                unusual=max(odd.values(), default=0.0),
                rows=rows,
                rows_left=len(result.volumes) - len(rows),
                notes=tuple(note for note in result.notes if note not in shared),
            )
        )
    return cards


def _rows(
    volumes: Sequence[StructureVolume],
    dice: Mapping[str, float | None],
    odd: Mapping[str, float],
    missed: Collection[str],
) -> tuple[_Row, ...]:
    """The structures of a case; of many, those worth a look, by ascending label."""

    def badness(each: StructureVolume) -> tuple[float, float]:
        score = dice.get(each.structure)
        if score is None:
            score = 0.0 if each.structure in missed else each.predicted_dice
        return (1.0 if score is None else score), -odd.get(each.structure, 0.0)

    chosen = sorted(volumes, key=badness)[:_MOST_ROWS]
    return tuple(
        _Row(
            structure=each.structure,
            colour=each.colour,
            volume_ml=each.volume_ml,
            dice=dice.get(each.structure),
            predicted_dice=each.predicted_dice,
            lesions=each.lesions,
            is_found=each.voxels > 0,
            is_unusual=each.structure in missed
            or odd.get(each.structure, 0.0) > UNUSUAL,
        )
        for each in sorted(chosen, key=lambda each: each.label)
    )


def _worst_first(card: _Card) -> tuple[float, float, float, str]:
    """A case that cannot be scored is not the worst, one without prediction may be."""
    dice = _NOT_SCORED if card.mean_dice is None else card.mean_dice
    predicted = card.predicted_dice
    expected = _NOT_PREDICTED if predicted is None else predicted
    return dice, expected, -card.unusual, card.case_id
