"""A dataset read once for its plan, and once more for its training cases."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.instance_head import InstanceHead
from medseg.core.labels import names_a_side
from medseg.core.plan import Architecture, Plan
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.regions import Region
from medseg.core.settings import Device, Preset, TrainingSettings
from medseg.inference import resolved_device
from medseg.planning import make_plan, merged_fingerprint
from medseg.training.cache import DatasetCache
from medseg.training.cases import TrainingCase
from medseg.training.memory import case_memory

_AUTO = Device("auto")
_Made = TypeVar("_Made")


def plan_dataset(  # noqa: PLR0913 - the options of the command
    dataset: Dataset,
    preset: Preset,
    on_progress: ProgressCallback = ignore_progress,
    *,
    architecture: Architecture | None = None,
    memory_gib: float | None = None,
    device: Device = _AUTO,
    allow_empty: bool = False,
) -> Plan:
    """Plan for every case of a dataset, held-out ones too, so that folds share it.

    Args:
        dataset: To be learned.
        preset: Size of the network and its patches.
        on_progress: Called after every case.
        architecture: Kind of network; the preset's when None.
        memory_gib: What a training step may take; the preset's when None.
        device: Whose memory that is; this machine need not have it.
        allow_empty: Whether a case may hold no structure.

    Raises:
        UnusableInput: Naming the first case that cannot be used.
        WrongUse: INVALID_OPTION when the memory is less than any network takes.
    """
    settings = TrainingSettings(
        preset=preset,
        architecture=architecture,
        memory_gib=memory_gib,
        device=Device(str(resolved_device(device))) if device == _AUTO else device,
        workers=1,
    )
    cache = DatasetCache(dataset, folder=None, allow_empty=allow_empty)
    return planned(cache, settings, on_progress)


def planned(
    cache: DatasetCache,
    settings: TrainingSettings,
    on_progress: ProgressCallback = ignore_progress,
) -> Plan:
    """Plan for every case of a dataset; what was looked at before is not read again.

    Args:
        cache: Of the dataset.
        settings: As in `make_plan`; each of the workers has a case in memory.
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
        workers=settings.workers,
        on_progress=on_progress,
    )
    fingerprint = merged_fingerprint(facts)
    plan = make_plan(fingerprint, dataset.channels, dataset.labels, settings)
    return with_head(with_regions(plan, dataset.regions), dataset.things)


def with_choice(plan: Plan, name: str, value: Any, why: str) -> Plan:
    """The plan with another value of one of its fields, and the reason for it."""
    reasons = dict(plan.reasons) | {name: why}
    return replace(plan, reasons=tuple(reasons.items()), **{name: value})


def with_regions(plan: Plan, regions: tuple[Region, ...]) -> Plan:
    """The plan for regions; not mirrored where one of them is named by its side."""
    made = replace(plan, regions=regions)
    if not plan.mirror_axes or not names_a_side(region.name for region in regions):
        return made
    return with_choice(made, "mirror_axes", (), "none: a region is named by its side")


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

    def make_one(case: Case) -> _Made:
        with case_memory(case.id):
            return make(case)

    results = []
    with ThreadPoolExecutor(workers, "cases") as pool:
        futures = [pool.submit(make_one, case) for case in cases]
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
