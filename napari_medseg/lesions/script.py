"""The lesions as a script: what "Copy as Python" puts on the clipboard."""

from collections.abc import Iterator
from dataclasses import dataclass

import medseg
from napari_medseg.layers.conversion import Origin
from napari_medseg.layers.scripts import arguments, read_labels, read_scan
from napari_medseg.lesions.choice import Choice


@dataclass(frozen=True, kw_only=True)
class ScriptedLesions:
    """What a script needs to know.

    Attributes:
        labels: Where the label map was read from.
        scan: Where the scan was read from.
        has_scan: Whether the lesions' intensities are measured in one.
        choice: What a lesion is.
    """

    labels: Origin | None
    scan: Origin | None
    has_scan: bool
    choice: Choice


def script_of(wanted: ScriptedLesions) -> str:
    """A script that tells lesions apart and measures them as the panel does."""
    return "\n".join(_lines(wanted)) + "\n"


def _lines(wanted: ScriptedLesions) -> Iterator[str]:
    scan = ", scan" if wanted.has_scan else ""
    yield from (
        "from dataclasses import replace",
        "from pathlib import Path",
        "",
        "import medseg",
        "",
        f"labels = {read_labels(wanted.labels, 'the labels')}",
    )
    if wanted.has_scan:
        yield f"scan = {read_scan(wanted.scan)}"
    yield from (
        f"counted = {sorted(wanted.choice.counted)!r}",
        "stuff, thing = medseg.StructureKind",
        "kinds = [",
        "    replace(each, kind=thing if each.name in counted else stuff)",
        "    for each in labels.labels",
        "]",
        "labels = replace(labels, labels=medseg.LabelSet(tuple(kinds)))",
        f"rules = {_rules(wanted.choice.rules)}",
        f"lesions = medseg.tell_apart(labels, rules{scan})",
        f"measures = medseg.measure_instances(lesions{scan})",
        "table = medseg.instances_csv(measures, lesions.case_id)",
        'Path("lesions.csv").write_text(table, encoding="utf-8")',
    )


def _rules(rules: medseg.InstanceRules) -> str:
    """The rules as they are written in a script."""
    split = rules.split
    name = type(split).__name__
    words = f"medseg.{name}({arguments(split, type(split)())})"
    touching = f"medseg.Connectivity.{rules.connectivity.name}"
    return (
        f"medseg.InstanceRules(connectivity={touching}, "
        f"minimum_mm3={rules.minimum_mm3!r}, split={words})"
    )
