"""The command that measures how fast a folder of scans is segmented."""

import json
from dataclasses import asdict
from pathlib import Path

import medseg
from medseg import bench
from medseg.cli.bench_tables import cohort_table
from medseg.cli.console import shown_progress
from medseg.cli.scans import Json
from medseg.cli.segmenting import Switch
from medseg.core.errors import ErrorCode, WrongUse

_CPU = medseg.Device("cpu")


def bench_cohort(  # noqa: PLR0913 - the options of the measurement
    scans: Path,
    /,
    *,
    model: str = "hippocampus",
    nnunet_python: Path | None = None,
    nnunet_model: Path | None = None,
    count: int | None = None,
    pictures: Switch = False,
    mirror: bool = True,
    repeats: int = 3,
    device: medseg.Device = _CPU,
    as_json: Json = False,
) -> None:
    """Time cohort run beside a loop of medseg segment, and beside nnUNetv2_predict.

    All use the same scans and weights, in turns. Every run is a command of its own and
    ends with the label maps on the disk; Dice says whether they are the same. Nothing
    is scored, and cohort run makes pictures only with --pictures.

    Example: medseg bench cohort scans/ --model hippocampus --count 20

    Example: medseg bench cohort scans/ --nnunet-python nnunet/bin/python
    --nnunet-model results/nnUNetTrainer__nnUNetPlans__3d_fullres

    Args:
        scans: Folder or dataset of files that end in .nii.gz, of one channel.
        model: Name or folder of the model.
        nnunet_python: Python of an environment with nnunetv2 2.8 or later.
        nnunet_model: Results folder of a training with nnU-Net; MedSeg runs it, too,
            instead of --model.
        count: Number of scans, from the first.
        pictures: Also time cohort run with a picture of each case.
        mirror: Average over all mirrored copies.
        repeats: Runs of each; the median counts.
        device: cpu or cuda:N.
        as_json: Print JSON instead of a table.
    """
    scene = bench.CohortScene(
        scans=scans,
        model=model,
        nnunet=_nnunet(nnunet_python, nnunet_model),
        count=count,
        mirrors=mirror,
        draws=pictures,
        device=device,
    )
    with shown_progress() as progress:
        result = bench.bench_cohort(scene, repeats=repeats, on_progress=progress)
    if as_json:
        print(json.dumps({**asdict(result), "efficiency": result.efficiency}, indent=1))
        return
    print(cohort_table(result), end="\n\n")
    print(
        f"{result.cases} scans; mirrored copies: {'yes' if mirror else 'no'}; "
        f"{result.device}, processors: {result.processors}; "
        f"efficiency of 2 workers: {result.efficiency:.0%}"
    )
    print(", ".join(result.versions))


def _nnunet(python: Path | None, model: Path | None) -> bench.NnunetModel | None:
    if python is None and model is None:
        return None
    if python is None or model is None:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "nnU-Net needs its Python and a model of its own",
            where="bench cohort",
            remedy="Give both --nnunet-python and --nnunet-model, or neither.",
        )
    return bench.NnunetModel(python=python, folder=model)
