from .definitions import DEFINITIONS, RESEARCH_ONLY
from .page import render_report
from .tables import (
    LESION_COLUMNS,
    SCORE_COLUMNS,
    lesions_csv,
    scores_csv,
    scores_json,
)

__all__ = [
    "DEFINITIONS",
    "LESION_COLUMNS",
    "RESEARCH_ONLY",
    "SCORE_COLUMNS",
    "lesions_csv",
    "render_report",
    "scores_csv",
    "scores_json",
]
