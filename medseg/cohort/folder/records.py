"""What a folder says of itself: what it was made with, and of which cases."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from medseg.cohort.folder.bids import bids_description
from medseg.cohort.folder.description import description_of
from medseg.cohort.folder.places import Places
from medseg.cohort.listing.manifest import write_manifest
from medseg.cohort.settings import WhatToMake
from medseg.core.cohort import Manifest
from medseg.core.errors import ErrorCode, WrongUse
from medseg.io.checks import reading_errors
from medseg.io.safe_writing import written_whole

Records = Mapping[Path, bytes]


def records_of(
    places: Places, manifest: Manifest, make: WhatToMake, made_with: str
) -> Records:
    """The content of the files, by their paths.

    Args:
        places: Of the cohort.
        manifest: All of its cases.
        make: What is made of each.
        made_with: As in `Description`.
    """
    with TemporaryDirectory() as folder:
        listed = Path(folder) / places.manifest.name
        write_manifest(manifest, listed)
        records = {  # the one by which the folder is known first
            places.description: description_of(make, made_with),
            places.manifest: listed.read_bytes(),
        }
    if make.bids_names:
        records |= bids_description(places)
    return records


def settle(records: Records, *, is_alone: bool) -> None:
    """Write what is not there yet, or not so.

    Args:
        records: From `records_of`.
        is_alone: Whether no other part of the cohort runs.

    Raises:
        WrongUse: IN_USE, when others run with something else.
        UnusableInput: NOT_READABLE; DISK_FULL or NOT_WRITABLE.
    """
    for path, content in records.items():
        if path.exists():
            with reading_errors(path):
                if path.read_bytes() == content:
                    continue
            if not is_alone:
                raise WrongUse(
                    ErrorCode.IN_USE,
                    "other parts run here with another list of cases, or other "
                    "settings",
                    where=path.parent,
                    remedy="Wait until they end, or stop them, then run all parts.",
                )
        with written_whole(path, overwrite=True) as temporary:
            temporary.write_bytes(content)
