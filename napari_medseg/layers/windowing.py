"""Window and level: which intensities are shown from black to white.

The values for CT and PET are those of 3D Slicer's display presets, that for the liver
is pyCERR's. Intensities of MR have no unit, so its windows are shares of the values.
"""

from dataclasses import dataclass

import numpy as np

_AIR_HU = -800.0
_SAMPLES_FOR_PERCENTILES = 200_000
_LEAST_WIDTH = 1e-6
_PIXELS_FOR_THE_RANGE = 1000

Limits = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Window:
    """A range of intensities.

    Attributes:
        width: From black to white.
        level: Shown as middle grey.
    """

    width: float
    level: float

    @classmethod
    def of_limits(cls, limits: Limits) -> "Window":
        """Of the intensities shown black and white."""
        low, high = limits
        return cls(width=high - low, level=(low + high) / 2)

    @property
    def limits(self) -> Limits:
        """The intensities shown black and white."""
        return self.level - self.width / 2, self.level + self.width / 2

    def dragged(self, right_px: float, down_px: float, span: float) -> "Window":
        """The window after a drag: right makes it wider, down brighter.

        Args:
            right_px: Pixels to the right.
            down_px: Pixels down.
            span: Of the intensities there are; a drag of 1000 pixels goes through it.
        """
        step = span / _PIXELS_FOR_THE_RANGE
        least = max(span * _LEAST_WIDTH, _LEAST_WIDTH)
        return Window(
            width=max(least, self.width + right_px * step),
            level=self.level - down_px * step,
        )


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A window with a name."""

    name: str
    window: Window


_CT = tuple(
    Preset(name=name, window=Window(width=width, level=level))
    for name, width, level in (
        ("Abdomen", 350.0, 40.0),
        ("Liver", 305.0, 80.0),
        ("Lung", 1400.0, -500.0),
        ("Bone", 1000.0, 400.0),
        ("Brain", 100.0, 50.0),
        ("Air", 1000.0, -426.0),
    )
)
_SHARES = (("Usual", 0.5, 99.5), ("High contrast", 5.0, 95.0), ("Bright", 0.5, 90.0))
_PET_SHARES = (("Usual", 0.0, 99.5), ("Hot spots", 50.0, 99.99))


def is_ct(channel: str, lowest: float) -> bool:
    """Whether intensities are in HU; NIfTI does not say so, but air does."""
    return channel == "CT" or (channel == "image" and lowest < _AIR_HU)


def presets_of(array: np.ndarray, channel: str, values: Limits) -> tuple[Preset, ...]:
    """Windows that suit a scan, the usual one first, all its values last.

    Args:
        array: Its intensities.
        channel: Name of its channel or modality.
        values: The smallest and the largest of them.
    """
    everything = Preset(name="All values", window=_window(*values))
    if is_ct(channel, values[0]):
        return (*_CT, everything)
    shares = _PET_SHARES if channel in {"PT", "NM"} else _SHARES
    return (*_of_shares(array, shares), everything)


def _of_shares(
    array: np.ndarray, shares: tuple[tuple[str, float, float], ...]
) -> tuple[Preset, ...]:
    step = max(1, array.size // _SAMPLES_FOR_PERCENTILES)
    sample = array.reshape(-1)[::step]
    return tuple(
        Preset(name=name, window=_window(*np.percentile(sample, (low, high))))
        for name, low, high in shares
    )


def _window(low: float, high: float) -> Window:
    """The window between two intensities, which may be one."""
    return Window.of_limits((float(low), float(high if high > low else low + 1)))
