"""A dataset read once for its plan, and once more for its training cases."""

from medseg.core.case import Case, Dataset
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.core.plan import Plan
from medseg.core.progress import Progress, ProgressCallback, ignore_progress
from medseg.core.settings import Preset
from medseg.core.volume import Segmentation, Volume, require_same_grid
from medseg.io import read_segmentation, read_volume
from medseg.planning import case_facts, make_plan, merged_fingerprint


def plan_dataset(
    dataset: Dataset, preset: Preset, on_progress: ProgressCallback = ignore_progress
) -> Plan:
    """Plan for every case of a dataset, held-out ones too, so that folds share it.

    Raises:
        UnusableInput: Naming the first case that cannot be used.
    """
    facts = []
    for done, case in enumerate(dataset.cases, start=1):
        facts.append(case_facts(*read_case(case, dataset)))
        on_progress(
            Progress(
                stage="looking at cases",
                done=done,
                total=len(dataset.cases),
                note=case.id,
            )
        )
    return make_plan(
        merged_fingerprint(facts), dataset.channels, dataset.labels, preset
    )


def read_case(case: Case, dataset: Dataset) -> tuple[Volume, Segmentation]:
    """Scan and reference of a case, checked against each other.

    Raises:
        UnusableInput: When a file is unusable, labels are not the dataset's or the
            grids differ.
    """
    if case.reference is None:
        raise UnusableInput(
            ErrorCode.INVALID_DATASET,
            "the case has no reference to learn from",
            where=case.id,
            remedy="Give it a label map, or take it out of the training list.",
        )
    volume = read_case_volume(case, dataset)
    reference = read_segmentation(case.reference, labels=dataset.labels)
    require_same_grid(volume.geometry, reference.geometry, where=case.id)
    return volume, reference


def read_case_volume(case: Case, dataset: Dataset) -> Volume:
    """Scan of a case: one file with every channel, or one file a channel."""
    files = case.images * (len(dataset.channels) if len(case.images) == 1 else 1)
    channels = dict(zip(dataset.channels, files, strict=True))
    return read_volume(case.images[0], channels=channels)
