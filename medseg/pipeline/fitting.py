"""Whether a scan and a model go together, told before anything is computed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medseg.core.axes_in_words import stored_axes_in_words
from medseg.core.channels import channel_order, modality_of
from medseg.core.geometry import Geometry
from medseg.core.model_info import ModelInfo
from medseg.core.plan import StoredAxes
from medseg.preprocessing.orientation import network_axes

_FAR_COARSER = 3.0
_FAR_FINER = 6.0


@dataclass(frozen=True, kw_only=True)
class Misfit:
    """One way in which a scan is not like those a model was trained on.

    Attributes:
        text: In words.
        is_refused: Whether `segment` refuses the scan for it; otherwise it is a
            warning.
    """

    text: str
    is_refused: bool = False


def misfits(
    channels: Sequence[str], geometry: Geometry, model: ModelInfo
) -> tuple[Misfit, ...]:
    """What speaks against running a model on a scan; empty if nothing does.

    Looks at names and geometry alone: it is quick, and opens no weights.

    Args:
        channels: Of the scan.
        geometry: Of the scan.
        model: The model.
    """
    return (
        *_of_channels(channels, model),
        *_of_spacing(geometry, model),
        *_of_axes(geometry, model),
    )


def _of_channels(channels: Sequence[str], model: ModelInfo) -> Iterator[Misfit]:
    wanted = model.plan.channels
    if not channel_order(channels, wanted):
        given = " + ".join(channels)
        text = f"The scan is {given}; {model.name} takes {' + '.join(wanted)}."
        yield Misfit(text=text, is_refused=True)
    elif len(wanted) == 1 and not modality_of(channels[0]):
        yield Misfit(text=f"The file names no modality: taken for {wanted[0]}.")


def _of_spacing(geometry: Geometry, model: ModelInfo) -> Iterator[Misfit]:
    axes, flipped = network_axes(geometry, model.plan.axes)
    own_mm = geometry.permuted(axes, flipped).spacing_mm
    wanted_mm = model.plan.spacing_mm
    ratios = [own / wanted for own, wanted in zip(own_mm, wanted_mm, strict=True)]
    if max(ratios) > _FAR_COARSER:
        yield Misfit(text=_apart("coarser", ratios.index(max(ratios)), own_mm, model))
    if min(ratios) < 1 / _FAR_FINER:
        yield Misfit(text=_apart("finer", ratios.index(min(ratios)), own_mm, model))


def _of_axes(geometry: Geometry, model: ModelInfo) -> Iterator[Misfit]:
    if isinstance(model.plan.axes, StoredAxes):
        text = stored_axes_in_words(geometry.orientation)
        yield Misfit(text=f"{text[0].upper()}{text[1:]}.")


def _apart(word: str, axis: int, own_mm: Sequence[float], model: ModelInfo) -> str:
    wanted_mm = model.plan.spacing_mm[axis]
    return (
        f"Voxels are far {word} than the model's: {own_mm[axis]:.3g} mm, not "
        f"{wanted_mm:.3g} mm."
    )
