"""How unsure a network is, and how far the networks of an ensemble disagree."""

import math

import torch
from jaxtyping import Float32
from torch import Tensor


def entropy_of(
    probabilities: Float32[Tensor, "output ..."], *, overlapping: bool = False
) -> Float32[Tensor, "..."]:
    """Shannon entropy as a share of the largest there can be.

    -sum(p ln p) / ln n over the n outputs: 0 where one is certain, 1 where all are
    equally likely. Overlapping regions are each there or not: the largest of their
    binary entropies.
    """
    if overlapping:
        terms = _terms(probabilities) + _terms(1 - probabilities)
        return terms.amax(0) / math.log(2)
    return _terms(probabilities).sum(0) / math.log(max(2, len(probabilities)))


def disagreement_of(
    members: Float32[Tensor, "member output ..."], *, overlapping: bool = False
) -> Float32[Tensor, "..."]:
    """Entropy of the members' mean probabilities less the mean of their entropies.

    The part of the uncertainty that comes from not knowing the right network (the
    mutual information of Houlsby et al., 2011), as a share of the largest entropy
    there can be: 0 where all members give the same probabilities, however unsure.
    """
    of_mean = entropy_of(members.mean(0), overlapping=overlapping)
    each = [entropy_of(member, overlapping=overlapping) for member in members]
    return (of_mean - torch.stack(each).mean(0)).clamp(min=0)


def _terms(probabilities: Tensor) -> Tensor:
    terms: Tensor = torch.special.entr(probabilities)
    return terms
