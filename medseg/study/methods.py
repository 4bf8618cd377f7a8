"""How the figures of a study were made, as a methods section says it."""

from importlib.metadata import version

from medseg.core.metric import WhenMissed, metric_named
from medseg.core.versions import package_versions
from medseg.study.nouns import Study
from medseg.study.statistics.calibration import BINS, MARGIN_MM
from medseg.study.statistics.design import LEAST_OF_STRATUM

_RULES = {
    WhenMissed.DIAGONAL: "Where only one of the two masks is empty a distance has no "
    "value; the diagonal of the image, the longest distance possible, stands for it.",
    WhenMissed.LEAVE_OUT: "Where only one of the two masks is empty a distance has no "
    "value and the case is left out of its means; n says how many remain.",
}

_STATISTICS_PACKAGES = ("scipy", "pandas", "matplotlib")

Methods = tuple[tuple[str, str], ...]


def methods_of(study: Study) -> Methods:
    """Headings and paragraphs."""
    settings, bootstrap = study.settings, study.settings.bootstrap
    names = dict.fromkeys(each.metric for each in study.summaries)
    definitions = tuple(
        (metric.title, metric.definition) for metric in map(metric_named, names)
    )
    scoring = dict(study.scoring)
    drawn = "Patients were drawn" if settings.patient else "Cases were drawn"
    together = ", all cases of one together" if settings.patient else ""
    within = " within centres" if settings.centre else ""
    pooled = f", those of fewer than {LEAST_OF_STRATUM} pooled" if within else ""
    tests = (
        (
            "Comparisons",
            "Models were compared on the same cases: mean paired difference with its "
            "interval from the same draws, two-sided Wilcoxon signed-rank test over "
            "patients' mean differences (zeros as Pratt, 1959), p-values corrected by "
            "Holm's method over all structures and pairs of models within a measure, "
            "matched-pairs rank-biserial correlation as effect size (Kerby, 2014).",
        ),
        (
            "Ranking",
            "Models were ranked by their means (aggregate, then rank), again in every "
            "bootstrap sample (Wiesenfarth et al., 2021).",
        ),
    )
    margin = (
        "Non-inferiority",
        f"Shown where the whole interval of the difference in "
        f"{settings.primary_metric.title} lies above a loss of {settings.margin}.",
    )
    return (
        *definitions,
        *_tolerance(scoring),
        (
            "Empty masks",
            "A structure missed or found where there is none counts as 0 in overlap "
            "measures. " + _RULES[settings.missed] + " Where both masks are empty the "
            "structure is absent and in no mean.",
        ),
        (
            "Averages",
            "Each structure was averaged over cases first, then the structures were "
            "averaged, each counting the same.",
        ),
        (
            "Intervals",
            f"{100 * bootstrap.level:g} % confidence intervals by bias-corrected and "
            f"accelerated bootstrap (Efron, 1987), {bootstrap.resamples:,} samples, "
            f"seed {bootstrap.seed}. {drawn}{within}{pooled}{together}.",
        ),
        *(tests if len(study.models) > 1 else ()),
        *((margin,) if settings.margin is not None and len(study.models) > 1 else ()),
        (
            "Volumes",
            "Bland-Altman analysis (1986) with exact intervals of the limits (Carkeet, "
            "2015), proportional bias by regression of the difference on the mean, and "
            "ICC(A,1), two-way, absolute agreement (McGraw and Wong, 1996); with "
            "several cases a patient, intervals by bootstrap.",
        ),
        *_readers(study),
        *_probabilities(study),
        ("Software", _software()),
    )


def _readers(study: Study) -> Methods:
    if not study.readers:
        return ()
    text = (
        "Each pair was compared on the cases that both have. The consensus gives a "
        "voxel the label that more than half of the readers give it, and background "
        "where no label has that many; it was made of the cases that all have read."
    )
    return (("Readers", text),)


def _probabilities(study: Study) -> Methods:
    if not study.calibrations and not study.risks:
        return ()
    return (
        (
            "Calibration",
            f"Voxels in the box around the structure, in the reference or where the "
            f"model thinks it likelier than not, widened by {MARGIN_MM:g} mm, pooled "
            f"over cases; {BINS} bins of equal width; expected calibration error "
            "(ECE; Naeini et al., 2015) and Brier score (1950).",
        ),
        (
            "Uncertainty",
            "Confidence of a case: mean probability of the structure where the model "
            "puts it, or 1 minus its greatest probability where it puts it nowhere. "
            "Area under the curve of 1 - Dice over coverage (AURC; Geifman and "
            "El-Yaniv, 2017).",
        ),
    )


def _software() -> str:
    """Versions of all that the figures depend on."""
    more = [(name, version(name)) for name in _STATISTICS_PACKAGES]
    return ", ".join(
        f"{name} {number}" for name, number in [*package_versions(), *more]
    )


def _tolerance(scoring: dict[str, str]) -> Methods:
    tolerance = scoring.get("tolerance_mm", "")
    source = scoring.get("tolerance_source", "")
    if not tolerance or tolerance == "none":
        return ()
    return (("Tolerance", f"{tolerance} mm ({source})."),)
