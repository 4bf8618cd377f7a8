"""Scores of one case: prediction and reference go in, overlap and volumes come out."""

from medseg.metrics.described import compared_maps, score_described
from medseg.metrics.naming import better_named, plain_name
from medseg.metrics.scoring import score

__all__ = ["better_named", "compared_maps", "plain_name", "score", "score_described"]
