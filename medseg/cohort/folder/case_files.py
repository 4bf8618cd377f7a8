"""Which files a case has, and where."""

from pathlib import Path

from medseg.cohort.folder.bids import bids_name, label_table_path
from medseg.cohort.folder.places import Places
from medseg.cohort.settings import WhatToMake
from medseg.instances import instance_files
from medseg.io.label_maps.companions import probabilities_path
from medseg.io.label_maps.named_voxels import names_path


def label_map_path(case_id: str, places: Places, make: WhatToMake) -> Path:
    """The label map of a case, by the names that are asked for."""
    if make.bids_names:
        return places.folder / bids_name(case_id)
    return places.segmentation(case_id, make.file_format)


def files_of_case(case_id: str, places: Places, make: WhatToMake) -> tuple[Path, ...]:
    """All files that a case has when it is done, the label map first."""
    label_map = label_map_path(case_id, places, make)
    files = [label_map, names_path(label_map), places.result(case_id)]
    if make.bids_names:
        files.append(label_table_path(label_map))
    if make.save_probabilities:
        files.append(probabilities_path(label_map))
    if make.instances is not None:
        files += instance_files(label_map)
    if make.thumbnails:
        files.append(places.thumbnail(case_id))
    return tuple(files)
