from .evaluating import evaluate
from .frames import lesions_frame, scores_frame
from .journal import journal_path, remove_journal
from .pool import processor_count
from .settings import EvaluationSettings
from .writing import lesions_path, require_writable_scores, write_scores

__all__ = [
    "EvaluationSettings",
    "evaluate",
    "journal_path",
    "lesions_frame",
    "lesions_path",
    "processor_count",
    "remove_journal",
    "require_writable_scores",
    "scores_frame",
    "write_scores",
]
