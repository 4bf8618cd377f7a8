"""Results as the sentences and numbers of a paper."""

from collections.abc import Iterator
from functools import partial

from medseg.core.metric import Metric, metric_named
from medseg.core.text_table import counted
from medseg.study.nouns import Study
from medseg.study.results import (
    ALL_STRUCTURES,
    Comparison,
    Estimate,
    LesionDetection,
    Summary,
    VolumeAgreement,
)

MINUS = "\N{MINUS SIGN}"
_MOST_SENTENCES = 6


def number(value: float | None, digits: int) -> str:
    """A number with a real minus sign; a dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    text = f"{value:.{digits}f}"
    is_zero = not text.strip("-0.")
    return text.lstrip("-") if is_zero else text.replace("-", MINUS)


def p_text(p_value: float | None) -> str:
    """A p-value as journals print it: "< 0.001", "0.023", "0.46"."""
    if p_value is None:
        return "\N{EN DASH}"
    if p_value < 0.001:
        return "< 0.001"
    return f"{p_value:.3f}" if p_value < 0.1 else f"{p_value:.2f}"


def p_sentence(p_value: float) -> str:
    """The same in a sentence: "p < 0.001", "p = 0.023"."""
    text = p_text(p_value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def interval_text(estimate: Estimate, digits: int) -> str:
    """Value and interval: "0.889 (0.885 to 0.893)"."""
    value = number(estimate.value, digits)
    if estimate.low is None or estimate.high is None:
        return value
    ends = f"{number(estimate.low, digits)} to {number(estimate.high, digits)}"
    return f"{value} ({ends})"


def with_unit(text: str, metric: Metric) -> str:
    """A number with the measure's unit, if it has one."""
    return f"{text} {metric.unit}" if metric.unit else text


def summary_sentences(study: Study) -> Iterator[str]:
    """The primary measure of every model, all structures or the only one."""
    metric = study.settings.primary_metric
    shown = overall_structure(study)
    level = f"{100 * study.settings.bootstrap.level:g} % CI"
    found = [
        each
        for each in study.summaries
        if each.metric == metric.name and each.structure == shown
    ]
    over = f"Over {counted(len(study.cases), 'case')}"
    if study.patients != len(study.cases):
        over += f" of {counted(study.patients, 'patient')}"
    for each in found:
        yield (
            f"{over}, {each.model} reached a mean {metric.title} of "
            f"{with_unit(_with_level(each.mean, metric, level), metric)}"
            f"{_whole(study, shown)}."
        )


def result_sentences(study: Study) -> Iterator[str]:
    """Every structure and model in the primary measure, with the best and worst."""
    metric = study.settings.primary_metric
    for model in study.models:
        found = [
            each
            for each in study.summaries
            if (each.model, each.metric) == (model, metric.name)
            and each.structure != ALL_STRUCTURES
        ]
        if not found:
            continue
        parts = [
            f"{each.structure} {interval_text(each.mean, metric.digits)}"
            for each in sorted(found, key=partial(_goodness, metric), reverse=True)
        ]
        missed = sum(each.missed for each in found)
        spurious = sum(each.spurious for each in found)
        yield (
            f"Mean {metric.title} of {model}: {'; '.join(parts)}. It missed "
            f"{missed} of {counted(_wanted(found), 'structure')} and found {spurious} "
            "where the reference has none."
        )


def ranking_sentence(study: Study) -> str:
    """The order of the models and how often it held."""
    metric, shown = study.settings.primary_metric, overall_structure(study)
    for ranking in study.rankings:
        if (ranking.structure, ranking.metric) == (shown, metric.name):
            best = ranking.models[0]
            ranks = [f"{each.model} ({each.rank:g})" for each in ranking.models]
            return (
                f"By mean {metric.title} the ranks were {', '.join(ranks)}; "
                f"{best.model} came first in {100 * best.rank_shares[0]:.1f} % of the "
                "bootstrap samples."
            )
    return ""


def comparison_sentences(study: Study) -> Iterator[str]:
    """Differences in the primary measure, all structures or the only one."""
    metric = study.settings.primary_metric
    shown = overall_structure(study)
    found = [
        each
        for each in study.comparisons
        if each.metric == metric.name and each.structure == shown
    ]
    for each in found[:_MOST_SENTENCES]:
        yield _comparison_sentence(study, each, metric)


def volume_sentence(each: VolumeAgreement) -> str:
    """Bias, limits and ICC of one structure."""
    text = (
        f"{each.structure} by {each.model}: bias {interval_text(each.bias_ml, 2)} ml, "
        f"limits of agreement {number(each.lower_limit_ml.value, 2)} to "
        f"{number(each.upper_limit_ml.value, 2)} ml"
    )
    if each.icc is not None:
        text += f", ICC {interval_text(each.icc, 3)}"
    if each.slope_p is not None and each.slope_p < 0.05:
        text += (
            f"; proportional bias (slope {number(each.slope.value, 3)}, "
            f"{p_sentence(each.slope_p)})"
        )
    return f"{text}."


def detection_sentence(each: LesionDetection) -> str:
    """Sensitivity, precision and false positives at any overlap."""
    point, lesions = each.points[0], sum(part.lesions for part in each.volume_bins)
    found = "" if point.sensitivity is None else interval_text(point.sensitivity, 2)
    text = f"{each.model} found a share of {found or 'none'} of {lesions} lesions"
    text += f" ({each.structure})"
    if point.precision is not None:
        text += f", with a precision of {interval_text(point.precision, 2)}"
    false_positives = interval_text(point.false_positives_per_case, 2)
    return f"{text} and {false_positives} false positives a case."


def reader_sentences(study: Study) -> Iterator[str]:
    """Each pair in the primary measure, all structures or the only one."""
    metric, shown = study.settings.primary_metric, overall_structure(study)
    level = f"{100 * study.settings.bootstrap.level:g} % CI"
    for each in study.readers:
        if (each.structure, each.metric) == (shown, metric.name):
            yield (
                f"Mean {metric.title} of {each.first} against {each.second} was "
                f"{with_unit(_with_level(each.mean, metric, level), metric)} over "
                f"{counted(each.mean.n, 'case')}{_whole(study, shown)}."
            )


def overall_structure(study: Study) -> str:
    """All structures together where there are several, else the only one."""
    return ALL_STRUCTURES if len(study.structures) > 1 else study.structures[0]


def _comparison_sentence(study: Study, each: Comparison, metric: Metric) -> str:
    level = f"{100 * each.difference.level:g} % CI"
    difference = _with_level(each.difference, metric, level)
    text = (
        f"The paired difference {each.first} {MINUS} {each.second} in {metric.title} "
        f"was {with_unit(difference, metric)}{_whole(study, each.structure)}"
    )
    if each.p_holm is not None:
        text += f" (Wilcoxon signed-rank, Holm: {p_sentence(each.p_holm)}"
        if each.rank_biserial is not None:
            text += f"; rank-biserial correlation {number(each.rank_biserial, 2)}"
        text += ")"
    if each.non_inferiority is not None:
        margin = f"{each.non_inferiority.margin:g}"
        verdict = "was shown" if each.non_inferiority.is_shown else "was not shown"
        text += f"; non-inferiority of {each.first} by a margin of {margin} {verdict}"
    return f"{text}."


def _with_level(estimate: Estimate, metric: Metric, level: str) -> str:
    value = number(estimate.value, metric.digits)
    if estimate.low is None or estimate.high is None:
        return value
    ends = [number(end, metric.digits) for end in (estimate.low, estimate.high)]
    return f"{value} ({level} {ends[0]} to {ends[1]})"


def _whole(study: Study, structure: str) -> str:
    if structure == ALL_STRUCTURES:
        return f", averaged over {len(study.structures)} structures"
    return f" for {structure}"


def _wanted(found: list[Summary]) -> int:
    """Structures that the references hold."""
    return sum(each.mean.n - each.spurious for each in found)


def _goodness(metric: Metric, each: Summary) -> float:
    return each.mean.value if metric.is_higher_better else -each.mean.value


def metric_title(name: str) -> str:
    """Title and unit of a measure, for a table's head."""
    metric = metric_named(name)
    return f"{metric.title} ({metric.unit})" if metric.unit else metric.title
