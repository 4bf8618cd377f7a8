from .description import MODEL_FILE, read_model_info
from .folder import (
    TrainedModel,
    load_model,
    load_networks,
    load_parameters,
    save_model,
    second_stage_plan,
    weights_bytes,
)
from .quality import QUALITY_FILE, quality_bytes, read_quality
from .zoo import list_models, model_folder

__all__ = [
    "MODEL_FILE",
    "QUALITY_FILE",
    "TrainedModel",
    "list_models",
    "load_model",
    "load_networks",
    "load_parameters",
    "model_folder",
    "quality_bytes",
    "read_model_info",
    "read_quality",
    "save_model",
    "second_stage_plan",
    "weights_bytes",
]
