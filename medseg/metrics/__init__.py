"""Scores of one case: prediction and reference go in, overlap and volumes come out."""

from medseg.metrics.scoring import score

__all__ = ["score"]
