from .definitions import DEFINITIONS, RESEARCH_ONLY
from .page import render_report
from .tables import SCORE_COLUMNS, scores_csv, scores_json

__all__ = [
    "DEFINITIONS",
    "RESEARCH_ONLY",
    "SCORE_COLUMNS",
    "render_report",
    "scores_csv",
    "scores_json",
]
