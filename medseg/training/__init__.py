"""cases + Plan -> TrainedModel."""

from medseg.training.planning import plan_dataset
from medseg.training.splits import five_folds
from medseg.training.train import train

__all__ = ["five_folds", "plan_dataset", "train"]
