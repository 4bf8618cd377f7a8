"""Cases found in folders: datasets, BIDS, plain files, DICOM trees."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from medseg.cohort.listing.case_names import hash_of
from medseg.cohort.listing.manifest import checked
from medseg.cohort.listing.named_files import Found, of_named_files, weighting
from medseg.core.cohort import CohortCase, Manifest
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.evaluation.pairing import label_maps_by_case
from medseg.io import find_volumes, read_dataset
from medseg.io.checks import reading_errors, require_there
from medseg.io.datasets.reading import DESCRIPTION_NAME
from medseg.io.finding import VolumeInfo

_UID_DIGITS = 12
_MANY_SERIES = 20
_NAMED = 5


def cases_in(
    folder: Path | str,
    channels: Sequence[str],
    references: Path | str | None = None,
) -> Manifest:
    """Every scan in a folder.

    Known are, in this order: datasets in the decathlon's or nnU-Net's layout (whose
    references are taken), BIDS, folders of image files (named NAME_0000, NAME_0001 ...
    where a scan has several channels), folders with one image file in each subfolder,
    and trees of DICOM series, which are named by a hash of their UID since their
    headers may name a patient. Hidden files are left out.

    Args:
        folder: To look in.
        channels: Of the model; more than one wants a file for each.
        references: Folder of label maps named as the cases.

    Raises:
        UnusableInput: NOT_FOUND, NOT_READABLE, EMPTY_FOLDER, INVALID_DATASET;
            INVALID_MANIFEST for a file that is no list; CHANNEL_MISMATCH for a dataset
            of other channels; NO_PAIRS when no reference is of a case.
    """
    folder = Path(folder)
    require_there(folder)
    with reading_errors(folder):
        if not folder.is_dir():
            raise _no_list(folder)
        found = _found_in(folder, channels)
    if not found.cases:
        raise _empty(folder, found.notes)
    listed = checked(found.cases, found.notes, channels)
    manifest = replace(listed, source=str(folder))
    return manifest if references is None else with_references(manifest, references)


def _found_in(folder: Path, channels: Sequence[str]) -> Found:
    if (folder / DESCRIPTION_NAME).is_file():
        return _of_dataset(folder, channels)
    found = of_named_files(folder, channels)
    return _of_dicom(folder) if found is None else found


def _of_dataset(folder: Path, channels: Sequence[str]) -> Found:
    dataset = read_dataset(folder)
    order, note = _order_of(dataset.channels, channels, folder)
    cases = []
    for case in dataset.cases:
        is_one_file = len(case.images) == 1  # with all channels in it
        images = case.images if is_one_file else [case.images[at] for at in order]
        cases.append(
            CohortCase(case_id=case.id, images=tuple(images), reference=case.reference)
        )
    return Found(cases, note)


def _order_of(
    there: Sequence[str], wanted: Sequence[str], folder: Path
) -> tuple[Sequence[int], tuple[str, ...]]:
    """Which of a dataset's channels the model takes, by name, else by number."""
    names = [weighting(name) for name in there]
    asked = [weighting(name) for name in wanted]
    if set(asked) <= set(names):
        return [names.index(name) for name in asked], ()
    if len(there) != len(wanted):
        raise UnusableInput(
            ErrorCode.CHANNEL_MISMATCH,
            f"the dataset has the channels {', '.join(there)}, the model takes "
            f"{', '.join(wanted)}",
            where=folder,
            remedy="Name the files of each case in a manifest.",
        )
    note = f"{', '.join(there)} of the dataset taken for {', '.join(wanted)}"
    return range(len(there)), (note,)


def _of_dicom(folder: Path) -> Found:
    found = find_volumes(folder)
    series = [info for info in found if info.series_uid and not info.is_label_map]
    scans = [info for info in series if not _is_flat(info)]
    notes = []
    if flat := len(series) - len(scans):
        notes.append(f"{flat} series that are no volumes were left out (scouts)")
    if others := len(found) - len(series):
        notes.append(f"{others} other objects were left out: see medseg inspect")
    crowded = Counter(info.path for info in scans).most_common(1)
    if crowded and crowded[0][1] > _MANY_SERIES:
        notes.append(
            f"{crowded[0][1]} series lie in one folder, which is read through for "
            "each: a folder for each series is faster"
        )
    cases = [
        CohortCase(
            case_id=f"series-{hash_of(info.series_uid, _UID_DIGITS)}",
            images=(info.path,),
            series=info.series_uid,
        )
        for info in scans
    ]
    return Found(cases, tuple(notes))


def _is_flat(info: VolumeInfo) -> bool:
    return any(problem.code is ErrorCode.NOT_A_VOLUME for problem in info.problems)


def with_references(manifest: Manifest, folder: Path | str) -> Manifest:
    """The same cases, with the label maps of a folder that are named as they are.

    Raises:
        UnusableInput: NO_PAIRS when none is; NOT_FOUND or NOT_READABLE.
    """
    folder = Path(folder)
    found = label_maps_by_case(folder)
    paired = [
        replace(case, reference=found.get(case.case_id, case.reference))
        for case in manifest.cases
    ]
    alone = sorted(found.keys() - {case.case_id for case in paired})
    without = [case.case_id for case in paired if case.reference is None]
    if len(alone) == len(found):
        raise UnusableInput(
            ErrorCode.NO_PAIRS,
            f"no reference is named as a case is ({len(found)} references such as "
            f"{alone[0]}, {len(paired)} cases such as {paired[0].case_id})",
            where=folder,
            remedy="Name the references as the cases, or give them in a manifest.",
        )
    notes = manifest.notes
    if without:
        notes += (f"{len(without)} cases have no reference: {_first_of(without)}",)
    if alone:
        notes += (f"{len(alone)} references are of no case: {_first_of(alone)}",)
    return replace(manifest, cases=tuple(paired), notes=notes)


def _first_of(names: Sequence[str]) -> str:
    return f"{', '.join(names[:_NAMED])}{' ...' if len(names) > _NAMED else ''}"


def _no_list(path: Path) -> UnusableInput:
    return UnusableInput(
        ErrorCode.INVALID_MANIFEST,
        "this is neither a folder nor a list of cases in CSV",
        where=path,
        remedy="Give a folder, or a file that ends in .csv; medseg segment takes one "
        "scan.",
    )


def _empty(folder: Path, notes: Sequence[str]) -> UnusableInput:
    why = f": {'; '.join(notes)}" if notes else ""
    return UnusableInput(
        ErrorCode.EMPTY_FOLDER,
        f"there is no scan here that the model takes{why}",
        where=folder,
        remedy="Give a folder of scans, or name the files of each case in a manifest.",
    )
