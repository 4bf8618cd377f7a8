"""nnU-Net's normalisation schemes -> Normalisation."""

import math
from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from medseg.core.plan import IntensityStatistics, Normalisation, NormalisationKind
from medseg.models.foreign.nnunet_network import unsupported
from medseg.models.foreign.texts import one_line

_SCHEMES = {
    "CTNormalization": NormalisationKind.CT,
    "ZScoreNormalization": NormalisationKind.Z_SCORE,
    "NoNormalization": NormalisationKind.NONE,
    "RescaleTo01Normalization": NormalisationKind.MIN_MAX,
}
_UNUSED = IntensityStatistics(
    mean=0.0, sd=1.0, percentile_00_5=0.0, percentile_99_5=1.0
)


class ForegroundIntensities(BaseModel):
    """Foreground intensities of a channel over nnU-Net's dataset."""

    mean: float | None = None
    std: float | None = None
    percentile_00_5: float | None = None
    percentile_99_5: float | None = None


def normalisation_of(
    schemes: Sequence[str],
    are_masked: Sequence[bool],
    known: Mapping[str, ForegroundIntensities],
    where: str,
) -> tuple[Normalisation, ...]:
    """One rule a channel.

    Args:
        schemes: What nnU-Net calls it, for each channel.
        are_masked: Whether only what is not zero counts.
        known: Statistics by the channel's number.
        where: The dataset, for errors.

    Raises:
        UnusableInput: UNSUPPORTED_MODEL for a scheme that is not known.
        ValueError: When statistics that a scheme needs are missing or cannot be.
    """
    result = []
    for place, (scheme, is_masked) in enumerate(zip(schemes, are_masked, strict=True)):
        if scheme not in _SCHEMES:
            raise unsupported(f"the normalisation {one_line(scheme)}", where)
        kind = _SCHEMES[scheme]
        if kind is NormalisationKind.Z_SCORE and is_masked:
            kind = NormalisationKind.Z_SCORE_NONZERO
        of_ct = kind is NormalisationKind.CT
        statistics = _statistics(place, known.get(str(place))) if of_ct else _UNUSED
        result.append(Normalisation(kind=kind, statistics=statistics))
    return tuple(result)


def _statistics(place: int, known: ForegroundIntensities | None) -> IntensityStatistics:
    given = known or ForegroundIntensities()
    low, high = given.percentile_00_5, given.percentile_99_5
    if given.mean is None or given.std is None or low is None or high is None:
        raise ValueError(f"intensities of channel {place} are not known")
    are_finite = all(map(math.isfinite, (given.mean, given.std, low, high)))
    if not (are_finite and given.std > 0 and low < high):
        raise ValueError(f"intensities of channel {place} cannot be: {given}")
    return IntensityStatistics(
        mean=given.mean, sd=given.std, percentile_00_5=low, percentile_99_5=high
    )
