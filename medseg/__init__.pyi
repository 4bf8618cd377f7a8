from .core.case import Case, Dataset
from .core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse
from .core.geometry import Geometry
from .core.labels import LabelSet, Structure, StructureKind
from .core.model_info import ModelInfo, StructureResult
from .core.plan import Fingerprint, Plan
from .core.progress import Cancelled, Progress
from .core.provenance import Provenance
from .core.scores import (
    Evaluation,
    FailedCase,
    MaskState,
    Scores,
    StructureMean,
    StructureScore,
)
from .core.settings import (
    Device,
    InferenceSettings,
    Precision,
    Preset,
    TrainingSettings,
)
from .core.volume import Segmentation, SourceSlice, Volume
from .demo import DemoResult, run_demo
from .evaluation import evaluate, require_writable_scores, write_scores
from .inference.devices import available_devices
from .io.decathlon import read_dataset
from .io.file_kinds import FileKind, SegmentationFormat
from .io.finding import VolumeInfo, find_volumes
from .io.reading import read_segmentation, read_segments, read_volume
from .io.safe_writing import require_absent, written_whole, written_whole_folder
from .io.writing import (
    probabilities_path,
    require_dicom_source,
    require_writable,
    write_probabilities,
    write_segmentation,
    write_volume,
)
from .metrics.scoring import score
from .models.description import read_model_info
from .models.folder import TrainedModel, load_model
from .models.zoo import list_models, model_folder
from .phantom.dataset import write_phantom_dataset
from .phantom.make import SAMPLE_SEED, Phantom, make_phantom
from .phantom.series import write_phantom_series
from .pipeline import segment, segment_with_probabilities
from .report.page import render_report
from .report.tables import scores_csv, scores_json
from .training.planning import plan_dataset
from .training.train import train

__all__ = [
    "SAMPLE_SEED",
    "Cancelled",
    "Case",
    "Dataset",
    "DemoResult",
    "Device",
    "ErrorCode",
    "Evaluation",
    "FailedCase",
    "FileKind",
    "Fingerprint",
    "Geometry",
    "InferenceSettings",
    "LabelSet",
    "MaskState",
    "MedSegError",
    "ModelInfo",
    "Phantom",
    "Plan",
    "Precision",
    "Preset",
    "Progress",
    "Provenance",
    "Scores",
    "Segmentation",
    "SegmentationFormat",
    "SourceSlice",
    "Structure",
    "StructureKind",
    "StructureMean",
    "StructureResult",
    "StructureScore",
    "TrainedModel",
    "TrainingSettings",
    "UnusableInput",
    "Volume",
    "VolumeInfo",
    "WrongUse",
    "available_devices",
    "evaluate",
    "find_volumes",
    "list_models",
    "load_model",
    "make_phantom",
    "model_folder",
    "plan_dataset",
    "probabilities_path",
    "read_dataset",
    "read_model_info",
    "read_segmentation",
    "read_segments",
    "read_volume",
    "render_report",
    "require_absent",
    "require_dicom_source",
    "require_writable",
    "require_writable_scores",
    "run_demo",
    "score",
    "scores_csv",
    "scores_json",
    "segment",
    "segment_with_probabilities",
    "train",
    "write_phantom_dataset",
    "write_phantom_series",
    "write_probabilities",
    "write_scores",
    "write_segmentation",
    "write_volume",
    "written_whole",
    "written_whole_folder",
]
