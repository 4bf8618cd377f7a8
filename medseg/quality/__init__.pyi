from .fitting import FittedQuality, fit_model_quality
from .observing import CaseQuality
from .settings import QualitySettings

__all__ = [
    "CaseQuality",
    "FittedQuality",
    "QualitySettings",
    "fit_model_quality",
]
