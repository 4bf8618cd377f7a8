from .definitions import DEFINITIONS, RESEARCH_ONLY
from .learning import LearningCurves, WatchedPatch
from .learning_figures import curves_png, patches_png
from .page import render_report
from .tables import (
    LESION_COLUMNS,
    SCORE_COLUMNS,
    lesions_csv,
    scores_csv,
    scores_json,
)
from .templates import rendered
from .thumbnails import thumbnail_png

__all__ = [
    "DEFINITIONS",
    "LESION_COLUMNS",
    "RESEARCH_ONLY",
    "SCORE_COLUMNS",
    "LearningCurves",
    "WatchedPatch",
    "curves_png",
    "lesions_csv",
    "patches_png",
    "render_report",
    "rendered",
    "scores_csv",
    "scores_json",
    "thumbnail_png",
]
