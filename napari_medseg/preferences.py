"""What the user set under Preferences > MedSeg, or its defaults.

The manifest declares these settings, from which napari 0.9 makes a page of its own.
Where napari knows none of them (it is older, or the plugin was switched off and on) the
defaults hold.
"""

from dataclasses import dataclass, fields
from typing import Any

from napari import settings as napari_settings

PLUGIN = "medseg"


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """Each attribute is `CATEGORY_PROPERTY` of the manifest's configurations.

    Attributes:
        session_autosave_minutes: Between two autosaves; 0 for none.
        session_offer_restore: Say so when an earlier napari ended without closing.
        review_go_on_after_flag: Show the next case once one is accepted or rejected.
        review_read_ahead: Read the next case while one is looked at.
        segment_device: Where models run unless another is chosen in the panel.
        segment_precision: Likewise the number format.
    """

    session_autosave_minutes: int = 5
    session_offer_restore: bool = True
    review_go_on_after_flag: bool = True
    review_read_ahead: bool = True
    segment_device: str = "auto"
    segment_precision: str = "auto"


def preferences() -> Preferences:
    """What holds now; asked for each time, as it may change while napari is open."""
    stored = _stored()
    if stored is None:
        return Preferences()
    known: dict[str, Any] = {}
    for each in fields(Preferences):
        category, _, name = each.name.partition("_")
        value = getattr(getattr(stored, category, None), name, None)
        if value is not None:
            known[each.name] = value
    return Preferences(**known)


def _stored() -> object | None:
    """Napari's settings of this plugin; None where it has none."""
    read = getattr(napari_settings, "get_plugin_settings", None)  # new in napari 0.9
    if read is None:
        return None
    try:
        found: object = read(PLUGIN)
    except KeyError:
        return None
    return found
