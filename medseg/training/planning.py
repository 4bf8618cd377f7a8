"""A dataset read once for its plan, and once more for its training cases."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_head import InstanceHead
from medseg.core.labels import names_a_side
from medseg.core.plan import Architecture, Plan
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.regions import Region
from medseg.core.settings import Preset
from medseg.planning import make_plan, merged_fingerprint
from medseg.training.cache import DatasetCache
from medseg.training.cases import TrainingCase

_Made = TypeVar("_Made")


def plan_dataset(
    dataset: Dataset,
    preset: Preset,
    on_progress: ProgressCallback = ignore_progress,
    *,
    architecture: Architecture | None = None,
    memory_gib: float | None = None,
) -> Plan:
    """Plan for every case of a dataset, held-out ones too, so that folds share it.

    Args:
        dataset: To be learned.
        preset: Size of the network and its patches.
        on_progress: Called after every case.
        architecture: Kind of network; the preset's when None.
        memory_gib: What a training step may take; the preset's when None.

    Raises:
        UnusableInput: Naming the first case that cannot be used.
        WrongUse: INVALID_OPTION when the memory is less than any network takes.
    """
    return planned(
        DatasetCache(dataset, folder=None),
        preset,
        architecture=architecture,
        memory_gib=memory_gib,
        on_progress=on_progress,
    )


def planned(
    cache: DatasetCache,
    preset: Preset,
    *,
    architecture: Architecture | None = None,
    memory_gib: float | None = None,
    workers: int = 1,
    on_progress: ProgressCallback = ignore_progress,
) -> Plan:
    """Plan for every case of a dataset; what was looked at before is not read again.

    Args:
        cache: Of the dataset.
        preset: Size of the network and its patches.
        architecture: As in `make_plan`.
        memory_gib: As in `make_plan`.
        workers: Threads, each with a case in memory.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        UnusableInput: Naming the first case that cannot be used.
        Cancelled: From `on_progress`.
    """
    dataset = cache.dataset
    facts = _each(
        cache.facts,
        dataset.cases,
        stage="looking at cases",
        workers=workers,
        on_progress=on_progress,
    )
    plan = make_plan(
        merged_fingerprint(facts),
        dataset.channels,
        dataset.labels,
        preset,
        architecture=architecture,
        memory_gib=memory_gib,
    )
    return with_head(with_regions(plan, dataset.regions), dataset.things)


def with_regions(plan: Plan, regions: tuple[Region, ...]) -> Plan:
    """The plan for regions; not mirrored where one of them is named by its side."""
    lateral = names_a_side(region.name for region in regions)
    return replace(
        plan, regions=regions, mirror_axes=() if lateral else plan.mirror_axes
    )


def with_head(plan: Plan, things: tuple[str, ...]) -> Plan:
    """The plan with a head that tells things apart; without one of no things.

    Raises:
        WrongUse: INVALID_OPTION for a network that MedSeg does not build itself.
    """
    if not things:
        return replace(plan, head=None)
    if plan.architecture is Architecture.MONAI:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "the network of a MONAI bundle gets no head that tells "
            f"{', '.join(things)} apart",
            where="--from",
            remedy="Start from another model or none, or leave things out of "
            "dataset.json.",
        )
    return replace(plan, head=InstanceHead.of(things, plan.spacing_mm))


def prepared_cases(
    cache: DatasetCache,
    cases: Sequence[Case],
    plan: Plan,
    *,
    workers: int = 1,
    on_progress: ProgressCallback = ignore_progress,
) -> list[TrainingCase]:
    """Cases to train on, in order; what is in the cache is not made again.

    Args:
        cache: Of the dataset they belong to.
        cases: Which ones.
        plan: How to prepare them.
        workers: Threads, each with a case in memory.
        on_progress: Called after every case; may raise `Cancelled`.

    Raises:
        UnusableInput: Naming the first case that cannot be used; DISK_FULL. Finished
            cases stay in the cache.
        Cancelled: From `on_progress`.
    """

    def prepare_one(case: Case) -> TrainingCase:
        return cache.prepared(case, plan)

    return _each(
        prepare_one,
        cases,
        stage="preparing cases",
        workers=workers,
        on_progress=on_progress,
    )


def _each(
    make: Callable[[Case], _Made],
    cases: Sequence[Case],
    *,
    stage: str,
    workers: int,
    on_progress: ProgressCallback,
) -> list[_Made]:
    """Make something of every case, in threads; the first failure ends it."""
    results = []
    with ThreadPoolExecutor(workers, "cases") as pool:
        futures = [pool.submit(make, case) for case in cases]
        try:
            for done, (case, future) in enumerate(
                zip(cases, futures, strict=True), start=1
            ):
                results.append(future.result())
                on_progress(
                    Progress(stage=stage, done=done, total=len(cases), note=case.id)
                )
        finally:
            pool.shutdown(cancel_futures=True)
    return results
