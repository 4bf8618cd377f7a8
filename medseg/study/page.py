"""The report of a study as one self-contained HTML page."""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from medseg.core.metric import Metric, metric_named
from medseg.report import RESEARCH_ONLY
from medseg.report.pictures import Picture
from medseg.study import wording
from medseg.study.checklist import CHECKLIST
from medseg.study.figures.style import Drawing
from medseg.study.methods import methods_of
from medseg.study.nouns import Study
from medseg.study.results import Comparison, ReaderAgreement, Summary

_TEMPLATES = Environment(
    loader=ChoiceLoader(
        [
            PackageLoader("medseg.study", "template"),
            PackageLoader("medseg.report", "template"),
        ]
    ),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["metric_head"] = wording.metric_title


@dataclass(frozen=True, eq=False, kw_only=True)
class Failure:
    """A case to look at.

    Attributes:
        model: Name.
        case_id: Name of the case.
        structure: Name.
        value: The primary measure, as text.
        state: Which masks are empty, in words.
        picture: None where the files could not be read, or hold nothing to see.
    """

    model: str
    case_id: str
    structure: str
    value: str
    state: str
    picture: Picture | None


@dataclass(frozen=True, eq=False, kw_only=True)
class _Figure:
    number: int
    name: str
    uri: str
    caption: str


@dataclass(frozen=True, eq=False, kw_only=True)
class _Page:
    title: str
    study: Study
    research_only: str
    metrics: Sequence[Metric]
    summaries: Mapping[tuple[str, str], Mapping[str, Summary]]
    comparisons: Mapping[str, Sequence[Comparison]]
    agreements: Mapping[tuple[str, str, str], Mapping[str, ReaderAgreement]]
    level: str
    figures: Sequence[_Figure]
    failures: Sequence[Failure]
    methods: Sequence[tuple[str, str]]
    checklist: Sequence[tuple[str, str, str]]
    script: str
    script_hash: str
    words: object

    def figures_of(self, start: str) -> list[_Figure]:
        """Figures whose name starts so."""
        return [each for each in self.figures if each.name.startswith(start)]


def render_study(
    study: Study,
    drawings: Iterable[Drawing],
    failures: Sequence[Failure] = (),
    *,
    title: str = "Segmentation study",
) -> str:
    """The whole study as one HTML text that reads like the results of a paper.

    It needs no network and no other file. It names models, cases, structures and the
    columns and groups of the case table; no path.

    Args:
        study: What was found.
        drawings: Its figures.
        failures: Cases to look at, with pictures.
        title: Heading of the page.
    """
    script = resources.files("medseg.study").joinpath("template/sort.js").read_text()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    names = dict.fromkeys(each.metric for each in study.summaries)
    page = _Page(
        title=title,
        study=study,
        research_only=RESEARCH_ONLY,
        metrics=[metric_named(name) for name in names],
        summaries=_by_row(study.summaries),
        comparisons=_by_metric(study.comparisons),
        agreements=_by_pair(study.readers),
        level=f"{100 * study.settings.bootstrap.level:g} %",
        figures=[_figure(*each) for each in enumerate(drawings, start=1)],
        failures=failures,
        methods=methods_of(study),
        checklist=CHECKLIST,
        script=script,
        script_hash=f"sha256-{digest}",
        words=wording,
    )
    return _TEMPLATES.get_template("study.html.jinja").render(page=page)


def _figure(number: int, drawing: Drawing) -> _Figure:
    packed = base64.b64encode(drawing.svg().encode()).decode()
    return _Figure(
        number=number,
        name=drawing.name,
        uri=f"data:image/svg+xml;base64,{packed}",
        caption=drawing.caption,
    )


def _by_row(
    summaries: Iterable[Summary],
) -> dict[tuple[str, str], dict[str, Summary]]:
    """By structure and model, then by measure."""
    rows: dict[tuple[str, str], dict[str, Summary]] = {}
    for each in summaries:
        rows.setdefault((each.structure, each.model), {})[each.metric] = each
    return rows


def _by_metric(comparisons: Iterable[Comparison]) -> dict[str, list[Comparison]]:
    by_metric: dict[str, list[Comparison]] = {}
    for each in comparisons:
        by_metric.setdefault(each.metric, []).append(each)
    return by_metric


def _by_pair(
    agreements: Iterable[ReaderAgreement],
) -> dict[tuple[str, str, str], dict[str, ReaderAgreement]]:
    """By who is compared with whom and structure, then by measure."""
    rows: dict[tuple[str, str, str], dict[str, ReaderAgreement]] = {}
    for each in agreements:
        key = (each.first, each.second, each.structure)
        rows.setdefault(key, {})[each.metric] = each
    return rows
