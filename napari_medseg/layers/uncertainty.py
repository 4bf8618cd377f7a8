"""Maps of how unsure a model is, as layers to lay over the scan."""

import medseg
from napari_medseg.layers.conversion import HELPER_KEY, LayerTuple, volume_layers

_COLOURS = "magma"  # its lowest is black, which adds nothing to the scan


def uncertainty_layers(maps: medseg.Volume, name: str) -> list[LayerTuple]:
    """An Image layer for each map; the first is shown, the others wait.

    They are added to the picture below, from black at 0 to the brightest at the map's
    largest value. Lists of scans do not offer them.

    Args:
        maps: From `medseg.predict`.
        name: Of the labels that they belong to.
    """
    layers = []
    for place, (channel, made) in enumerate(
        zip(maps.channels, volume_layers(maps, name), strict=True)
    ):
        array, options, kind = made
        most = float(array.max()) or 1.0
        look = {
            "name": f"{name}, {channel}",
            "contrast_limits": (0.0, most),
            "colormap": _COLOURS,
            "blending": "additive",
            "visible": place == 0,
            "metadata": {**options["metadata"], HELPER_KEY: True},
        }
        layers.append((array, {**options, **look}, kind))
    return layers
