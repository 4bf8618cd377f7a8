"""Commands on scans: demo, inspect."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

import medseg
from medseg.cli.console import shown_progress
from medseg.cli.tables import volumes_table
from medseg.core.settings import InferenceSettings

EXIT_NONE_USABLE = 1
DEFAULT_INFERENCE = InferenceSettings()

Flat = Parameter(name="*")
Json = Annotated[bool, Parameter(name="--json", negative=())]
Overwrite = Annotated[bool, Parameter(negative=())]


def demo(
    *,
    out: Path = Path("medseg-demo"),
    settings: Annotated[InferenceSettings, Flat] = DEFAULT_INFERENCE,
) -> None:
    """Segment, score and report on a synthetic CT scan; needs no network.

    Example: medseg demo --out medseg-demo

    Args:
        out: New folder for the scan, label map, scores and report.
        settings: How the network is run.
    """
    with shown_progress() as progress:
        result = medseg.run_demo(out, settings, progress)
    print(result.scores.table())
    print(f"\nscan          {result.scan}")
    print(f"segmentation  {result.segmentation}")
    print(f"scores        {result.table}")
    print(f"report        {result.report}")


def inspect(path: Path, /, *, as_json: Json = False) -> int:
    """List every volume found under a path: shape, spacing, orientation, problems.

    Exits with 1 when none of them is usable.

    Example: medseg inspect study/

    Args:
        path: File or folder.
        as_json: Print JSON instead of a table.
    """
    with shown_progress() as progress:
        volumes = medseg.find_volumes(path, progress)
    if as_json:
        print(json.dumps([asdict(volume) for volume in volumes], default=str, indent=1))
    else:
        print(volumes_table(volumes))
    return 0 if any(volume.is_usable for volume in volumes) else EXIT_NONE_USABLE
