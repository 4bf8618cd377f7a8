"""The structures of a Labels layer, as far as they are known without its voxels."""

from napari.layers import Labels

import medseg
from napari_medseg.layers.conversion import record_of


def structures_of(layer: Labels) -> medseg.LabelSet:
    """The structures a layer has names for; label 1 where it has none."""
    record = record_of(layer)
    if record is not None and record.labels is not None and len(record.labels):
        return record.labels
    ids = [int(id_) for id_ in layer.features.get("index", ()) if 0 < id_ <= 65535]
    chosen = {*ids, max(1, int(layer.selected_label))}
    return medseg.LabelSet.from_names((id_, f"label {id_}") for id_ in sorted(chosen))
