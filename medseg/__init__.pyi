from . import classical
from .cohort.changes import cohort_changes
from .cohort.dask.executor import DaskExecutor
from .cohort.folder.places import Shard
from .cohort.gathered.gathering import merge_cohort
from .cohort.gathered.predicted import PredictedDice, read_predicted_dice
from .cohort.listing.folders import cases_in, with_references
from .cohort.listing.manifest import read_manifest, write_manifest
from .cohort.planning import plan_run
from .cohort.running import run_cohort
from .cohort.settings import HowToRun, WhatToMake
from .cohort.status import CohortStatus, cohort_status
from .cohort.workers.local import LocalExecutor
from .core.acceptance import Accepted
from .core.agreement import AGREEMENT_LABELS, Agreement, SliceCounts
from .core.axes_in_words import axes_in_words
from .core.case import Case, Dataset
from .core.centre_maps import CentreMaps
from .core.cohort import CohortCase, Manifest
from .core.decathlon import (
    DECATHLON_LICENCE,
    DECATHLON_TASKS,
    DECATHLON_URL,
    DecathlonTask,
    decathlon_task,
)
from .core.errors import ErrorCode, MedSegError, UnusableInput, WrongUse
from .core.estimate import Estimate
from .core.evaluation import Evaluation, FailedCase
from .core.follow_up import Fate, FollowedLesion, FollowUp, MatchedBy
from .core.froc import LUNA16_POINTS, Froc, froc_table
from .core.geometry import Geometry
from .core.instance_boxes import InstanceBox, InstanceBoxes
from .core.instance_head import InstanceHead
from .core.instance_match import Finding, InstanceMatch, JudgedInstances
from .core.instance_measure import InstanceMeasure
from .core.instance_settings import (
    Components,
    DistanceWatershed,
    FollowUpRules,
    InstanceRules,
    IntensityWatershed,
    LearnedCentres,
    Shade,
)
from .core.labels import LabelSet, Structure, StructureKind
from .core.lesions import Connectivity, Lesion, LesionScores, Side
from .core.metric import WhenMissed
from .core.model_info import ModelInfo, StructureResult
from .core.model_quality import ModelQuality, QualityResult
from .core.panoptic import Instance, Panoptic
from .core.panoptic_scores import (
    PanopticMean,
    PanopticScore,
    PanopticScores,
    panoptic_total,
)
from .core.plan import Fingerprint, PatientAxes, Plan
from .core.progress import Cancelled, Progress
from .core.provenance import AlgorithmFamily, Provenance
from .core.quality import (
    QualityModel,
    QualityObservation,
    fit_quality,
    held_out_quality,
)
from .core.scores import Scores, StructureMean
from .core.selective import RiskCoverage, risk_coverage
from .core.settings import (
    Device,
    Folds,
    InferenceSettings,
    Precision,
    Preset,
    TrainingSettings,
)
from .core.structure_measure import StructureMeasure
from .core.structure_score import MaskState, StructureScore
from .core.surface import Surface
from .core.uncertainty import StructureUncertainty, Uncertainty
from .core.volume import Segmentation, SourceSlice, Volume, voxels_of_labels
from .demo import DemoResult, run_demo
from .evaluation.evaluating import evaluate
from .evaluation.frames import lesions_frame, scores_frame
from .evaluation.journal import journal_path, remove_journal
from .evaluation.pairing import label_maps_by_case, scans_by_case
from .evaluation.pool import processor_count
from .evaluation.reading import read_scores
from .evaluation.settings import EvaluationSettings
from .evaluation.writing import lesions_path, require_writable_scores, write_scores
from .inference.devices import available_devices
from .instances.counting import counted, merged_structures
from .instances.detecting import instance_boxes, with_confidence
from .instances.files import (
    MeasuredInstances,
    instance_files,
    require_writable_instances,
    write_instances,
)
from .instances.following import follow
from .instances.measuring import measure_instances
from .instances.separating import separate_instances
from .instances.tracking import with_tracking
from .io.datasets.decathlon_downloads import download_decathlon_task
from .io.datasets.reading import read_dataset
from .io.file_kinds import FileKind, SegmentationFormat
from .io.finding import Problem, VolumeInfo, find_volumes
from .io.label_maps.boxes import read_boxes, write_boxes
from .io.label_maps.companions import (
    instances_path,
    probabilities_path,
    uncertainty_path,
)
from .io.panoptic_files import holds_instances, read_panoptic, write_panoptic
from .io.reading import read_segmentation, read_segments, read_volume
from .io.safe_writing import require_absent, written_whole, written_whole_folder
from .io.stacking import stack_channels
from .io.writing import (
    Shares,
    require_dicom_source,
    require_writable,
    write_probabilities,
    write_segmentation,
    write_uncertainty,
    write_volume,
)
from .metrics.agreement import error_map, largest_error, slice_agreement
from .metrics.panoptic import judge_instances, match_instances, score_panoptic
from .metrics.scoring import score
from .metrics.updating import update_scores
from .models.description import read_model_info
from .models.folder import TrainedModel, load_model
from .models.foreign.bundle_export import ExportOptions, export_bundle
from .models.foreign.importing import import_model
from .models.foreign.nnunet_files import NnunetCheckpoint, NnunetConfiguration
from .models.foreign.nnunet_listing import nnunet_configurations
from .models.foreign.nnunet_options import NnunetOptions
from .models.zoo import list_models, model_folder
from .phantom.dataset import write_phantom_dataset
from .phantom.make import SAMPLE_SEED, Phantom, make_phantom
from .phantom.series import write_phantom_series
from .phantom.touching import make_touching_tumours
from .phantom.touching_dataset import write_touching_dataset
from .pipeline.composing import segment_all, segment_with_ready
from .pipeline.estimating import estimate
from .pipeline.fitting import Misfit, misfits
from .pipeline.lesions import own_rules, segment_instances
from .pipeline.ready import Prediction, ReadyModel, Request
from .pipeline.segmenting import predict, segment, segment_with_probabilities
from .pipeline.uncertainty import uncertainty_of
from .preprocessing.restore import Wanted
from .quality.fitting import FittedQuality, fit_model_quality
from .quality.judging import JudgedCase, JudgedStructure
from .quality.settings import QualitySettings
from .report.follow_up_table import follow_up_csv, follow_up_json, follow_up_table
from .report.froc_figure import froc_png
from .report.froc_table import froc_csv, froc_json
from .report.instance_table import (
    instances_csv,
    instances_json,
    instances_table,
)
from .report.match_table import instance_matches_csv
from .report.page import render_report
from .report.panoptic_table import panoptic_csv, panoptic_json
from .report.structure_table import structures_csv
from .report.tables import lesions_csv, scores_csv, scores_json
from .structures.measuring import measure_structures
from .structures.surfaces import structure_surface
from .study.cases import CaseTable, Excluded, StudyCase, read_case_table
from .study.compare import compare
from .study.nouns import Study
from .study.run import StudyFiles, run_study
from .study.settings import StudySettings
from .study.statistics.design import BootstrapSettings
from .study.statistics.instance_froc import instance_froc, instance_frocs
from .study.writing import write_study
from .training.planning import plan_dataset
from .training.team import assembled_team
from .training.train import train

__all__ = [
    "AGREEMENT_LABELS",
    "DECATHLON_LICENCE",
    "DECATHLON_TASKS",
    "DECATHLON_URL",
    "LUNA16_POINTS",
    "SAMPLE_SEED",
    "Accepted",
    "Agreement",
    "AlgorithmFamily",
    "BootstrapSettings",
    "Cancelled",
    "Case",
    "CaseTable",
    "CentreMaps",
    "CohortCase",
    "CohortStatus",
    "Components",
    "Connectivity",
    "DaskExecutor",
    "Dataset",
    "DecathlonTask",
    "DemoResult",
    "Device",
    "DistanceWatershed",
    "ErrorCode",
    "Estimate",
    "Evaluation",
    "EvaluationSettings",
    "Excluded",
    "ExportOptions",
    "FailedCase",
    "Fate",
    "FileKind",
    "Finding",
    "Fingerprint",
    "FittedQuality",
    "Folds",
    "FollowUp",
    "FollowUpRules",
    "FollowedLesion",
    "Froc",
    "Geometry",
    "HowToRun",
    "InferenceSettings",
    "Instance",
    "InstanceBox",
    "InstanceBoxes",
    "InstanceHead",
    "InstanceMatch",
    "InstanceMeasure",
    "InstanceRules",
    "IntensityWatershed",
    "JudgedCase",
    "JudgedInstances",
    "JudgedStructure",
    "LabelSet",
    "LearnedCentres",
    "Lesion",
    "LesionScores",
    "LocalExecutor",
    "Manifest",
    "MaskState",
    "MatchedBy",
    "MeasuredInstances",
    "MedSegError",
    "Misfit",
    "ModelInfo",
    "ModelQuality",
    "NnunetCheckpoint",
    "NnunetConfiguration",
    "NnunetOptions",
    "Panoptic",
    "PanopticMean",
    "PanopticScore",
    "PanopticScores",
    "PatientAxes",
    "Phantom",
    "Plan",
    "Precision",
    "PredictedDice",
    "Prediction",
    "Preset",
    "Problem",
    "Progress",
    "Provenance",
    "QualityModel",
    "QualityObservation",
    "QualityResult",
    "QualitySettings",
    "ReadyModel",
    "Request",
    "RiskCoverage",
    "Scores",
    "Segmentation",
    "SegmentationFormat",
    "Shade",
    "Shard",
    "Shares",
    "Side",
    "SliceCounts",
    "SourceSlice",
    "Structure",
    "StructureKind",
    "StructureMean",
    "StructureMeasure",
    "StructureResult",
    "StructureScore",
    "StructureUncertainty",
    "Study",
    "StudyCase",
    "StudyFiles",
    "StudySettings",
    "Surface",
    "TrainedModel",
    "TrainingSettings",
    "Uncertainty",
    "UnusableInput",
    "Volume",
    "VolumeInfo",
    "Wanted",
    "WhatToMake",
    "WhenMissed",
    "WrongUse",
    "assembled_team",
    "available_devices",
    "axes_in_words",
    "cases_in",
    "classical",
    "cohort_changes",
    "cohort_status",
    "compare",
    "counted",
    "decathlon_task",
    "download_decathlon_task",
    "error_map",
    "estimate",
    "evaluate",
    "export_bundle",
    "find_volumes",
    "fit_model_quality",
    "fit_quality",
    "follow",
    "follow_up_csv",
    "follow_up_json",
    "follow_up_table",
    "froc_csv",
    "froc_json",
    "froc_png",
    "froc_table",
    "held_out_quality",
    "holds_instances",
    "import_model",
    "instance_boxes",
    "instance_files",
    "instance_froc",
    "instance_frocs",
    "instance_matches_csv",
    "instances_csv",
    "instances_json",
    "instances_path",
    "instances_table",
    "journal_path",
    "judge_instances",
    "label_maps_by_case",
    "largest_error",
    "lesions_csv",
    "lesions_frame",
    "lesions_path",
    "list_models",
    "load_model",
    "make_phantom",
    "make_touching_tumours",
    "match_instances",
    "measure_instances",
    "measure_structures",
    "merge_cohort",
    "merged_structures",
    "misfits",
    "model_folder",
    "nnunet_configurations",
    "own_rules",
    "panoptic_csv",
    "panoptic_json",
    "panoptic_total",
    "plan_dataset",
    "plan_run",
    "predict",
    "probabilities_path",
    "processor_count",
    "read_boxes",
    "read_case_table",
    "read_dataset",
    "read_manifest",
    "read_model_info",
    "read_panoptic",
    "read_predicted_dice",
    "read_scores",
    "read_segmentation",
    "read_segments",
    "read_volume",
    "remove_journal",
    "render_report",
    "require_absent",
    "require_dicom_source",
    "require_writable",
    "require_writable_instances",
    "require_writable_scores",
    "risk_coverage",
    "run_cohort",
    "run_demo",
    "run_study",
    "scans_by_case",
    "score",
    "score_panoptic",
    "scores_csv",
    "scores_frame",
    "scores_json",
    "segment",
    "segment_all",
    "segment_instances",
    "segment_with_probabilities",
    "segment_with_ready",
    "separate_instances",
    "slice_agreement",
    "stack_channels",
    "structure_surface",
    "structures_csv",
    "train",
    "uncertainty_of",
    "uncertainty_path",
    "update_scores",
    "voxels_of_labels",
    "with_confidence",
    "with_references",
    "with_tracking",
    "write_boxes",
    "write_instances",
    "write_manifest",
    "write_panoptic",
    "write_phantom_dataset",
    "write_phantom_series",
    "write_probabilities",
    "write_scores",
    "write_segmentation",
    "write_study",
    "write_touching_dataset",
    "write_uncertainty",
    "write_volume",
    "written_whole",
    "written_whole_folder",
]
