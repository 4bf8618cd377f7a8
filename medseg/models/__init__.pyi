from .description import MODEL_FILE, read_model_info
from .folder import (
    TrainedModel,
    load_model,
    load_parameters,
    save_model,
    second_stage_plan,
    weights_bytes,
)
from .zoo import list_models, model_folder

__all__ = [
    "MODEL_FILE",
    "TrainedModel",
    "list_models",
    "load_model",
    "load_parameters",
    "model_folder",
    "read_model_info",
    "save_model",
    "second_stage_plan",
    "weights_bytes",
]
