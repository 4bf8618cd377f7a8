from .evaluating import evaluate
from .frames import lesions_frame, scores_frame
from .journal import journal_path, remove_journal
from .pairing import label_maps_by_case, scans_by_case
from .pool import processor_count
from .reading import read_scores
from .settings import EvaluationSettings
from .writing import lesions_path, require_writable_scores, write_scores

__all__ = [
    "EvaluationSettings",
    "evaluate",
    "journal_path",
    "label_maps_by_case",
    "lesions_frame",
    "lesions_path",
    "processor_count",
    "read_scores",
    "remove_journal",
    "require_writable_scores",
    "scans_by_case",
    "scores_frame",
    "write_scores",
]
