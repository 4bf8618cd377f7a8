from .core.acceptance import Accepted
from .core.case import Case, Dataset
from .core.decathlon import (
    DECATHLON_LICENCE,
    DECATHLON_TASKS,
    DECATHLON_URL,
    DecathlonTask,
    decathlon_task,
)
from .core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse
from .core.evaluation import Evaluation, FailedCase
from .core.geometry import Geometry
from .core.labels import LabelSet, Structure, StructureKind
from .core.metric import WhenMissed
from .core.model_info import ModelInfo, StructureResult
from .core.plan import Fingerprint, Plan
from .core.progress import Cancelled, Progress
from .core.provenance import Provenance
from .core.scores import Scores, StructureMean
from .core.settings import (
    Device,
    Folds,
    InferenceSettings,
    Precision,
    Preset,
    TrainingSettings,
)
from .core.structure_score import MaskState, StructureScore
from .core.volume import Segmentation, SourceSlice, Volume
from .demo import DemoResult, run_demo
from .evaluation.evaluating import evaluate
from .evaluation.frames import lesions_frame, scores_frame
from .evaluation.journal import journal_path, remove_journal
from .evaluation.pool import processor_count
from .evaluation.settings import EvaluationSettings
from .evaluation.writing import lesions_path, require_writable_scores, write_scores
from .inference.devices import available_devices
from .io.decathlon import read_dataset
from .io.decathlon_downloads import download_decathlon_task
from .io.file_kinds import FileKind, SegmentationFormat
from .io.finding import Problem, VolumeInfo, find_volumes
from .io.reading import read_segmentation, read_segments, read_volume
from .io.safe_writing import require_absent, written_whole, written_whole_folder
from .io.writing import (
    Shares,
    probabilities_path,
    require_dicom_source,
    require_writable,
    uncertainty_path,
    write_probabilities,
    write_segmentation,
    write_uncertainty,
    write_volume,
)
from .metrics.scoring import score
from .models.description import read_model_info
from .models.folder import TrainedModel, load_model
from .models.foreign.bundle_export import ExportOptions, export_bundle
from .models.foreign.importing import import_model
from .models.foreign.nnunet import NnunetOptions
from .models.zoo import list_models, model_folder
from .phantom.dataset import write_phantom_dataset
from .phantom.make import SAMPLE_SEED, Phantom, make_phantom
from .phantom.series import write_phantom_series
from .pipeline.composing import segment_all, segment_with_ready
from .pipeline.ready import Prediction, ReadyModel, Request
from .pipeline.segmenting import predict, segment, segment_with_probabilities
from .preprocessing.restore import Wanted
from .report.page import render_report
from .report.tables import lesions_csv, scores_csv, scores_json
from .study.cases import CaseTable, Excluded, StudyCase, read_case_table
from .study.compare import compare
from .study.nouns import Study
from .study.run import StudyFiles, run_study
from .study.settings import StudySettings
from .study.statistics.design import BootstrapSettings
from .study.writing import write_study
from .training.planning import plan_dataset
from .training.team import assembled_team
from .training.train import train

__all__ = [
    "DECATHLON_LICENCE",
    "DECATHLON_TASKS",
    "DECATHLON_URL",
    "SAMPLE_SEED",
    "Accepted",
    "BootstrapSettings",
    "Cancelled",
    "Case",
    "CaseTable",
    "Dataset",
    "DecathlonTask",
    "DemoResult",
    "Device",
    "ErrorCode",
    "Evaluation",
    "EvaluationSettings",
    "Excluded",
    "ExportOptions",
    "FailedCase",
    "FileKind",
    "Fingerprint",
    "Folds",
    "Geometry",
    "InferenceSettings",
    "LabelSet",
    "MaskState",
    "MedSegError",
    "ModelInfo",
    "NnunetOptions",
    "Phantom",
    "Plan",
    "Precision",
    "Prediction",
    "Preset",
    "Problem",
    "Progress",
    "Provenance",
    "ReadyModel",
    "Request",
    "Scores",
    "Segmentation",
    "SegmentationFormat",
    "Shares",
    "SourceSlice",
    "Structure",
    "StructureKind",
    "StructureMean",
    "StructureResult",
    "StructureScore",
    "Study",
    "StudyCase",
    "StudyFiles",
    "StudySettings",
    "TrainedModel",
    "TrainingSettings",
    "UnusableInput",
    "Volume",
    "VolumeInfo",
    "Wanted",
    "WhenMissed",
    "WrongUse",
    "assembled_team",
    "available_devices",
    "compare",
    "decathlon_task",
    "download_decathlon_task",
    "evaluate",
    "export_bundle",
    "find_volumes",
    "import_model",
    "journal_path",
    "lesions_csv",
    "lesions_frame",
    "lesions_path",
    "list_models",
    "load_model",
    "make_phantom",
    "model_folder",
    "plan_dataset",
    "predict",
    "probabilities_path",
    "processor_count",
    "read_case_table",
    "read_dataset",
    "read_model_info",
    "read_segmentation",
    "read_segments",
    "read_volume",
    "remove_journal",
    "render_report",
    "require_absent",
    "require_dicom_source",
    "require_writable",
    "require_writable_scores",
    "run_demo",
    "run_study",
    "score",
    "scores_csv",
    "scores_frame",
    "scores_json",
    "segment",
    "segment_all",
    "segment_with_probabilities",
    "segment_with_ready",
    "train",
    "uncertainty_path",
    "write_phantom_dataset",
    "write_phantom_series",
    "write_probabilities",
    "write_scores",
    "write_segmentation",
    "write_study",
    "write_uncertainty",
    "write_volume",
    "written_whole",
    "written_whole_folder",
]
