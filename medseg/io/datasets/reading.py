"""Datasets: a folder with `dataset.json`, `imagesTr` and `labelsTr`.

In the layout of the Medical Segmentation Decathlon (Antonelli et al., 2022), whose
description lists the cases, or in nnU-Net v2's raw layout (see `nnunet_raw`).
"""

import json
from pathlib import Path
from typing import Any

from medseg.core.case import Case, Dataset
from medseg.core.described_labels import DescribedLabels
from medseg.core.errors import ErrorCode, UnusableInput
from medseg.io.checks import case_id_of, reading_errors
from medseg.io.datasets.labels import described_labels
from medseg.io.datasets.nnunet_raw import is_nnunet_raw, nnunet_cases
from medseg.io.datasets.things import described_things, with_instances, with_things

DESCRIPTION_NAME = "dataset.json"


def read_dataset(folder: Path | str) -> Dataset:
    """Read the description of a dataset and check that its files are there.

    Its layout, the decathlon's or nnU-Net's, is known by the description's content.

    Args:
        folder: The dataset's folder, or its `dataset.json`.

    Raises:
        UnusableInput: NOT_FOUND without a description; INVALID_DATASET when it is
            not valid, names a missing file (the case is named), or no case, or where
            a case of things has no instance numbers;
            UNKNOWN_FORMAT for files of a format that is not read.
    """
    path = Path(folder)
    path = path / DESCRIPTION_NAME if path.is_dir() else path
    content = _read_description(path)
    try:
        described = described_labels(content)
        things = described_things(content)
        dataset = Dataset(
            name=str(content.get("name") or path.parent.resolve().name).strip(),
            channels=_channels(content),
            labels=with_things(described.labels, things),
            cases=with_instances(_cases(content, path), things),
            regions=described.regions,
            ignore_id=described.ignore_id,
            things=things,
            licence=str(content.get("licence", content.get("license", ""))).strip(),
            source=str(content.get("reference", "")).strip(),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, UnusableInput):
            raise
        what = f"the description is not valid: {_in_words(error)}"
        raise _invalid(what, path) from error
    if not dataset.cases:
        raise _invalid("the description lists no training case", path)
    if not dataset.channels or not len(dataset.labels):
        raise _invalid("the description names no channel or no label", path)
    return dataset


def read_described_labels(description: Path) -> DescribedLabels:
    """What the labels mean, whether or not the dataset's files are there.

    Args:
        description: A `dataset.json`, the decathlon's or nnU-Net's.

    Raises:
        UnusableInput: NOT_FOUND or INVALID_DATASET.
    """
    content = _read_description(description)
    try:
        return described_labels(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"the description names no usable labels: {_in_words(error)}"
        raise _invalid(what, description) from error


def _in_words(error: Exception) -> str:
    return f"it has no {error}" if isinstance(error, KeyError) else repr(error)


def _read_description(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "there is no dataset.json",
            where=path,
            remedy="Give the folder of a dataset in decathlon (MSD) or nnU-Net layout.",
        )
    with reading_errors(path):
        raw = path.read_bytes()
    try:
        content = json.loads(raw.decode("utf-8-sig"))
    except ValueError as error:
        raise _invalid(f"the description is not JSON: {error}", path) from error
    if not isinstance(content, dict):
        raise _invalid("the description is not a JSON object", path)
    return content


def _channels(content: dict[str, Any]) -> tuple[str, ...]:
    """MSD calls them "modality", nnU-Net "channel_names"; both by number.

    Some of one name ("noNorm" twice) are numbered.
    """
    named = content["modality"] if "modality" in content else content["channel_names"]
    names = [str(named[key]).strip() for key in sorted(named, key=int)]
    return tuple(
        name if names.count(name) == 1 else f"{name} {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    )


def _cases(content: dict[str, Any], path: Path) -> tuple[Case, ...]:
    cases = (
        nnunet_cases(content, path, _channels(content))
        if is_nnunet_raw(content)
        else _listed(content["training"], path)
    )
    ids = [case.id for case in cases]
    twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if twice:
        raise _invalid(f"case {twice[0]} is listed more than once", path)
    return tuple(sorted(cases, key=lambda case: case.id))


def _listed(entries: list[Any], path: Path) -> tuple[Case, ...]:
    return tuple(
        _case(entry, path)
        for entry in entries
        if not Path(str(entry["image"])).name.startswith("._")  # macOS leftovers
    )


def _case(entry: dict[str, str], path: Path) -> Case:
    image = path.parent / entry["image"]
    reference = path.parent / entry["label"]
    case = Case(id=case_id_of(image), images=(image,), reference=reference)
    for file in (image, reference):
        if not file.is_file():
            raise _invalid(
                f"a file of case {case.id} is missing", file, "Restore the file."
            )
    return case


def _invalid(
    what: str, where: Path, remedy: str = "Mend the dataset's dataset.json."
) -> UnusableInput:
    return UnusableInput(ErrorCode.INVALID_DATASET, what, where=where, remedy=remedy)
