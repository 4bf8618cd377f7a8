"""The volumes as a script: what "Copy as Python" puts on the clipboard."""

from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.scripts import read_labels


def script_of(labels: Origin | None) -> str:
    """A script that measures the structures of a label map as the panel does.

    Args:
        labels: Where the label map was read from.
    """
    lines = (
        "from pathlib import Path",
        "",
        "import medseg",
        "",
        f"labels = {read_labels(labels, 'the labels')}",
        "measures = medseg.measure_structures(labels)",
        "table = medseg.structures_csv(measures, labels.case_id)",
        'Path("volumes.csv").write_text(table, encoding="utf-8")',
    )
    return "\n".join(lines) + "\n"
