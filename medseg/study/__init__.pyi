from .cases import CaseTable, Excluded, StudyCase, read_case_table
from .compare import compare
from .nouns import Study
from .run import StudyFiles, run_study
from .settings import StudySettings
from .statistics.design import BootstrapSettings
from .writing import write_study

__all__ = [
    "BootstrapSettings",
    "CaseTable",
    "Excluded",
    "Study",
    "StudyCase",
    "StudyFiles",
    "StudySettings",
    "compare",
    "read_case_table",
    "run_study",
    "write_study",
]
