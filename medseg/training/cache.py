"""Cases prepared once and kept on disk.

An entry's name holds a hash of all that it follows from: the image and reference
files, the part of the plan that preparing depends on, and the version of this code. So
an entry is never out of date, only unused. It appears whole or not at all.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from medseg.core.case import Case, Dataset
from medseg.core.described_labels import without_ignored
from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.plan import Normalisation, NormalisationKind, Plan
from medseg.io import written_whole_folder
from medseg.io.checks import require_there, sha256_of, sha256_of_hashes
from medseg.io.numpy_files import read_npy
from medseg.io.reading import sha256_of_scan
from medseg.planning import CaseFacts, case_facts
from medseg.training.cases import (
    TrainingCase,
    Voxels,
    naming,
    read_case,
    training_case,
)
from medseg.training.instance_maps import read_case_instances
from medseg.training.stored_facts import opened_facts, write_facts
from medseg.training.stored_voxels import StoredVoxels, stored_bytes

_VERSION = 1  # of all; what a resumed run must share holds it
_PREPARED_VERSION = 2  # of entries to train on; 1: all centres may lie in one slice
_DESCRIPTION = "entry.json"
_IMAGE, _LABELS, _PLACES = "image.b2nd", "labels.b2nd", "places.npy"
_INSTANCES = "instances.b2nd"
_STORED = (_IMAGE, _LABELS, _PLACES)
_LEFTOVER_SECONDS = 3600
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile)


class DatasetCache:
    """What a dataset's cases are turned into, made when first asked for.

    Safe to use from several threads and processes at once.

    Attributes:
        dataset: Whose cases they are.
        folder: Where to keep it; nothing is kept when None.
        allow_empty: Whether a case may hold no structure.
    """

    def __init__(
        self, dataset: Dataset, folder: Path | None, *, allow_empty: bool = False
    ) -> None:
        self.dataset = dataset
        self.folder = folder
        self.allow_empty = allow_empty
        self._hashes: dict[str, tuple[str, str]] = {}
        self._instance_hashes: dict[str, str] = {}
        if folder is not None:
            _remove_leftovers(folder)

    def digest(self, case: Case) -> str:
        """Hash of everything a case consists of: image, reference, channels, labels.

        Raises:
            UnusableInput: When a file cannot be read; the case is named.
        """
        with naming(case):
            return _digest(self._sources(case))

    def image_sha256(self, case: Case) -> str:
        """Hash of a case's image, however it is named.

        Raises:
            UnusableInput: When a file cannot be read; the case is named.
        """
        with naming(case):
            return self._file_hashes(case)[0]

    def facts(self, case: Case) -> CaseFacts:
        """What a case adds to the fingerprint.

        Raises:
            UnusableInput: When the case cannot be used, which is named; DISK_FULL.
        """
        with naming(case):
            path = self._facts_path(case)
            facts = None if path is None else opened_facts(path)
            if facts is None:
                facts = self._made_facts(case)
                if path is not None:
                    write_facts(facts, path)
            self._require_structure(case, facts)
        return facts

    def prepared(self, case: Case, plan: Plan) -> TrainingCase:
        """A case to train on; its voxels stay on disk.

        Raises:
            UnusableInput: When the case cannot be used, which is named; DISK_FULL.
        """
        with naming(case):
            if self.folder is None:
                return self._made(case, plan)
            key = _digest(self._preparation(case, plan))
            entry = self.folder / "cases" / f"{case.id}-{key}"
            found = _opened(entry, case.id)
            return found or self._kept(case, plan, entry)

    def _made_facts(self, case: Case) -> CaseFacts:
        volume, reference = read_case(case, self.dataset)
        read_case_instances(case, self.dataset, reference)  # found wrong now, not later
        ignored = reference.array == (self.dataset.ignore_id or -1)
        return case_facts(
            volume, without_ignored(reference, ignored, self.dataset.labels)
        )

    def _made(self, case: Case, plan: Plan) -> TrainingCase:
        volume, reference = read_case(case, self.dataset)
        instances = read_case_instances(case, self.dataset, reference)
        ignore_id = self.dataset.ignore_id
        return training_case(case.id, volume, reference, plan, ignore_id, instances)

    def _kept(self, case: Case, plan: Plan, entry: Path) -> TrainingCase:
        """Prepare a case and write it; another process may be faster."""
        made = self._made(case, plan)
        if found := _opened(entry, case.id):
            return found
        shutil.rmtree(entry, ignore_errors=True)  # damaged, if it is there
        try:
            _write(made, entry, plan)
        except WrongUse as error:
            if error.code is not ErrorCode.OUTPUT_EXISTS:
                raise
        return _opened(entry, case.id) or made

    def _require_structure(self, case: Case, facts: CaseFacts) -> None:
        if not self.allow_empty and not any(facts.structure_volumes_ml):
            raise UnusableInput(
                ErrorCode.INVALID_DATASET,
                f"the reference of case {case.id} holds no structure",
                where=case.reference or case.id,
                remedy="Mend the label map, take the case out of the dataset, or let "
                "such cases in (--allow-empty).",
            )

    def _facts_path(self, case: Case) -> Path | None:
        if self.folder is None:
            return None
        key = _digest(self._sources(case))
        return self.folder / "facts" / f"{case.id}-{key}.npz"

    def _sources(self, case: Case) -> dict[str, Any]:
        """What every entry of a case follows from."""
        sources = {
            "version": _VERSION,
            "files": self._file_hashes(case),
            "channels": self.dataset.channels,
            "labels": self.dataset.labels.ids,
            "ignored": self.dataset.ignore_id,
        }
        if not self.dataset.things:
            return sources
        things = [self.dataset.labels[name].id for name in self.dataset.things]
        numbers = self._instance_hashes.setdefault(
            case.id, _sha256_if_any(case.instances)
        )
        return sources | {"things": things, "instances": numbers}

    def _file_hashes(self, case: Case) -> tuple[str, str]:
        """Of the image and of the reference."""
        if case.id not in self._hashes:
            images = [sha256_of_scan(path) for path in case.images]
            image = images[0] if len(images) == 1 else sha256_of_hashes(images)
            self._hashes[case.id] = image, _sha256_if_any(case.reference)
        return self._hashes[case.id]

    def _preparation(self, case: Case, plan: Plan) -> dict[str, Any]:
        """What a prepared case follows from."""
        return self._sources(case) | {
            "prepared": _PREPARED_VERSION,
            "order": plan.channels,
            "places": plan.labels.ids,
            "spacing_mm": plan.spacing_mm,
            "normalisation": [_as_applied(how) for how in plan.normalisation],
            "rules": repr((plan.axes, plan.recipe, plan.monai_steps)),
            "beyond": plan.labels_by_nearest,
        }


def _sha256_if_any(path: Path | None) -> str:
    if path is None:
        return ""
    require_there(path)
    return sha256_of(path)


def _as_applied(how: Normalisation) -> Mapping[str, Any]:
    """A rule of normalisation, without the numbers it does not use."""
    is_own = how.kind is NormalisationKind.Z_SCORE
    return {"kind": how.kind} if is_own else asdict(how)


def _digest(parts: Mapping[str, Any]) -> str:
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _write(case: TrainingCase, entry: Path, plan: Plan) -> None:
    lists = (*case.centres, *(() if case.annotated is None else (case.annotated,)))
    places = np.concatenate([np.zeros((0, 3), np.int32), *lists])
    whole = (slice(None),) * 3
    with written_whole_folder(entry) as folder:
        for name, voxels in _voxels_of(case).items():
            array = voxels[whole]
            (folder / name).write_bytes(stored_bytes(array, plan.patch_shape))
        with (folder / _PLACES).open("wb") as file:
            np.save(file, places.astype(np.uint16), allow_pickle=False)
        description = {
            "case": case.id,
            "image_sha256": case.sha256,
            "image_shape": case.image.shape,
            "labels_shape": case.labels.shape,
            "centres": [len(each) for each in case.centres],
            "annotated": None if case.annotated is None else len(case.annotated),
            "files": {
                name: _seal(folder / name) for name in (*_voxels_of(case), _PLACES)
            },
        }
        (folder / _DESCRIPTION).write_text(json.dumps(description), encoding="utf-8")


def _voxels_of(case: TrainingCase) -> dict[str, Voxels]:
    named = {_IMAGE: case.image, _LABELS: case.labels}
    return named if case.instances is None else named | {_INSTANCES: case.instances}


def _seal(file: Path) -> dict[str, Any]:
    """What tells whether a file was damaged."""
    facts = file.stat()
    return {
        "bytes": facts.st_size,
        "modified_ns": facts.st_mtime_ns,
        "sha256": sha256_of(file),
    }


def _is_intact(file: Path, seal: Mapping[str, Any]) -> bool:
    """Whether a file is as it was written; it is read only when its time differs."""
    facts = file.stat()
    if facts.st_size != seal["bytes"]:
        return False
    is_untouched = facts.st_mtime_ns == seal["modified_ns"]
    return is_untouched or bool(sha256_of(file) == seal["sha256"])


def _opened(entry: Path, case_id: str) -> TrainingCase | None:
    """A case on disk, no voxel read; None when it is not there or damaged.

    No file stays open, as there may be more cases than a process may open files.
    """
    try:
        text = (entry / _DESCRIPTION).read_text(encoding="utf-8")
        description = json.loads(text)
        seals = description["files"]
        stored = {*_STORED, *seals}
        if not all(_is_intact(entry / name, seals[name]) for name in stored):
            return None
        *centres, annotated = _split(
            read_npy(entry / _PLACES),
            [*description["centres"], description["annotated"] or 0],
        )
        return TrainingCase(
            id=case_id,
            sha256=str(description["image_sha256"]),
            image=_stored(entry / _IMAGE, description["image_shape"]),
            labels=_stored(entry / _LABELS, description["labels_shape"]),
            centres=tuple(centres),
            annotated=None if description["annotated"] is None else annotated,
            instances=_stored(entry / _INSTANCES, description["labels_shape"])
            if _INSTANCES in seals
            else None,
        )
    except _UNREADABLE:
        return None


def _stored(path: Path, shape: Sequence[int]) -> StoredVoxels:
    return StoredVoxels(path=path, shape=tuple(int(n) for n in shape))


def _split(places: np.ndarray, counts: Sequence[int]) -> list[np.ndarray]:
    if sum(counts) != len(places):
        raise ValueError("the places are not those described")
    return np.split(places, np.cumsum(counts)[:-1])


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes that were killed long ago had not finished."""
    before = time.time() - _LEFTOVER_SECONDS
    for path in folder.glob("*/.partial-*"):
        with suppress(FileNotFoundError):  # another process has just finished it
            if path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)
                path.unlink(missing_ok=True)
