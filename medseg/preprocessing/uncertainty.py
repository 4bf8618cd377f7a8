"""How unsure a network is, how far networks disagree and mirrored copies vary."""

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
    return entropies_of(probabilities, overlapping=overlapping).amax(0)


def entropies_of(
    probabilities: Float32[Tensor, "output ..."], *, overlapping: bool = False
) -> Float32[Tensor, "part ..."]:
    """The same before the largest is taken: of each region, or one of all outputs."""
    if overlapping:
        return (_terms(probabilities) + _terms(1 - probabilities)) / math.log(2)
    entropy = _terms(probabilities).sum(0) / math.log(max(2, len(probabilities)))
    return entropy[None]


def disagreement_of(
    members: Float32[Tensor, "member output ..."], *, overlapping: bool = False
) -> Float32[Tensor, "..."]:
    """Entropy of the members' mean probabilities less the mean of their entropies.

    The part of the uncertainty that comes from not knowing the right network (the
    mutual information of Houlsby et al., 2011), as a share of the largest entropy
    there can be: 0 where all members give the same probabilities, however unsure. Of
    overlapping regions the largest.
    """
    of_mean = entropies_of(members.mean(0), overlapping=overlapping)
    each = [entropies_of(member, overlapping=overlapping) for member in members]
    return (of_mean - torch.stack(each).mean(0)).clamp(min=0).amax(0)


def mirror_variance_of(
    copies: Float32[Tensor, "network copy output ..."], *, overlapping: bool = False
) -> Float32[Tensor, "..."]:
    """Variance of a network's probabilities over its mirrored copies.

    Summed over outputs, of overlapping regions that which varies most; mean over
    networks; as a share of the largest there can be: 0 where all copies of a network
    give the same.
    """
    variance = copies.var(1, correction=0)
    whole = variance.amax(1) if overlapping else variance.sum(1)
    largest = largest_variance(copies.shape[2], overlapping=overlapping)
    return whole.mean(0) / largest


def largest_variance(outputs: int, *, overlapping: bool) -> float:
    """What copies have that are sure of different outputs: 1 - sum(1 / n^2) over n.

    A region is there or not: at most 1/4.
    """
    return 0.25 if overlapping else 1 - 1 / max(2, outputs)


def _terms(probabilities: Tensor) -> Tensor:
    terms: Tensor = torch.special.entr(probabilities)
    return terms
