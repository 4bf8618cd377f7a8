"""All figures of a study."""

from collections.abc import Iterator

from medseg.core.metric import Metric, metric_named
from medseg.study.figures.forest import draw_differences, draw_subgroups
from medseg.study.figures.lesions import draw_lesions
from medseg.study.figures.probabilities import draw_calibration, draw_risks
from medseg.study.figures.ranking import draw_ranking
from medseg.study.figures.spread import draw_spread
from medseg.study.figures.style import Drawing, house_style
from medseg.study.figures.volumes import draw_volumes
from medseg.study.nouns import Study


def draw_study(study: Study) -> tuple[Drawing, ...]:
    """Draw what the study has results for, in the order of the report."""
    with house_style():
        return tuple(each for each in _drawings(study) if each is not None)


def _drawings(study: Study) -> Iterator[Drawing | None]:
    metrics = _metrics(study)
    for metric in metrics:
        yield draw_spread(study, metric)
    for metric in metrics:
        yield draw_differences(study, metric)
    if len(study.models) > 1:
        yield draw_ranking(study)
    for model in study.models:
        yield draw_volumes(study, model)
    for structure in study.structures:
        yield draw_lesions(study, structure)
    for column in study.settings.groupings:
        yield draw_subgroups(study, column)
    yield draw_calibration(study)
    yield draw_risks(study)


def _metrics(study: Study) -> list[Metric]:
    """Those with results, the primary one first."""
    names = dict.fromkeys(each.metric for each in study.summaries)
    return [metric_named(name) for name in names]
