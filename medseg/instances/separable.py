"""Whether models can give lesions one by one, as they are asked to."""

from collections.abc import Sequence

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_settings import (
    InstanceRules,
    IntensityWatershed,
    LearnedCentres,
)
from medseg.core.labels import StructureKind
from medseg.core.plan import Plan

_MOST_NAMED = 8


def has_learned_centres(plans: Sequence[Plan]) -> bool:
    """Whether models that make one label map tell touching lesions apart themselves.

    Of several models none says where the centres of its lesions are.

    Args:
        plans: Of the models.
    """
    return len(plans) == 1 and plans[0].head is not None


def require_separable(rules: InstanceRules, plans: Sequence[Plan]) -> None:
    """Refuse, before any scan is segmented, lesions that models cannot give.

    Args:
        rules: How lesions are to be told apart.
        plans: Of the models that make one label map together.

    Raises:
        WrongUse: INVALID_OPTION, when they find no lesions at all; as
            `require_splittable`.
    """
    if not any(
        each.kind is StructureKind.THING for plan in plans for each in plan.labels
    ):
        found = sorted({each.name for plan in plans for each in plan.labels})
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "no structure that is found is a lesion by its name or kind, of: "
            + ", ".join(found[:_MOST_NAMED])
            + (" ..." if len(found) > _MOST_NAMED else ""),
            where="--instances",
            remedy="Leave it out, or give a model that finds lesions; any structure of "
            "a label map is counted by medseg instances separate --structure NAME.",
        )
    require_splittable(rules, plans)


def require_splittable(rules: InstanceRules, plans: Sequence[Plan]) -> None:
    """Refuse, before any scan is segmented, a way of splitting that models rule out.

    Args:
        rules: How lesions are to be told apart.
        plans: Of the models that make one label map together, of the same channels.

    Raises:
        WrongUse: INVALID_OPTION, when they have not learned the way that is asked for,
            or take several channels of a scan, of which a watershed takes one.
    """
    if isinstance(rules.split, LearnedCentres) and not has_learned_centres(plans):
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the model has not learned to tell lesions apart"
            if len(plans) == 1
            else "of several models none says where its centres are",
            where="--split-by",
            remedy="Split them by distance, or give one model that has learned it.",
        )
    channels = plans[0].channels
    if isinstance(rules.split, IntensityWatershed) and len(channels) > 1:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            f"a watershed of intensities takes one channel, the model "
            f"{', '.join(channels)}",
            where="--split-by",
            remedy="Split lesions by distance; or segment without --instances, then "
            "use medseg instances separate with one channel as --scan.",
        )
