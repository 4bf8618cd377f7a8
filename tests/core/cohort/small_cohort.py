"""A cohort of three small scans."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np

import medseg
from medseg.cohort.workers.local import Executor
from medseg.core.settings import Device
from tests.core.making import TINY_PLAN

AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
CASES = ("a", "b", "c")


def write_scan(folder, name, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 100, (20, 18, 12)).astype(np.int16)
    nib.save(nib.Nifti1Image(values, AFFINE), folder / f"images/{name}.nii.gz")
    labels = (values > 80).astype(np.uint8)
    nib.save(nib.Nifti1Image(labels, AFFINE), folder / f"references/{name}.nii.gz")


def written_scans(folder):
    """All three, and their references."""
    (folder / "images").mkdir(parents=True)
    (folder / "references").mkdir()
    for number, name in enumerate(CASES):
        write_scan(folder, name, number)
    return folder


class Run:
    """A cohort of the scans, in a folder beside them."""

    def __init__(self, scans: Path, model: Path, **make):
        self.scans = scans
        self.model = model
        self.out = scans.parent / "out"
        inference = medseg.InferenceSettings(device=Device("cpu"))
        self.make = medseg.WhatToMake(models=(str(model),), inference=inference, **make)
        how = medseg.HowToRun(workers=1, time_limit_s=600.0)
        self.executor: Executor = medseg.LocalExecutor(how=how)
        self.begun = 0

    def copied(self, folder: Path) -> "Run":
        """The same in another folder, with its scans and what is done."""
        shutil.copytree(self.scans.parent, folder)
        return Run(folder / self.scans.name, self.model)

    def cases(self):
        images, references = self.scans / "images", self.scans / "references"
        return medseg.cases_in(images, TINY_PLAN.channels, references)

    def __call__(self, shard=None, on_progress=lambda _: None):
        self.begun = 0

        def counting(work, should_stop):
            self.begun = len(work.cases)
            return self.executor(work, should_stop)

        return medseg.run_cohort(
            self.cases(),
            self.out,
            self.make,
            counting,
            shard=shard,
            on_progress=on_progress,
        )

    def files(self, *folders):
        """Content of everything that must not depend on when and how it was made."""
        wanted = folders or ("segmentations", "cases", "thumbnails", ".")
        return {
            path.relative_to(self.out).as_posix(): path.read_bytes()
            for folder in wanted
            for path in sorted((self.out / folder).iterdir())
            if (path.is_file() and path.suffix in (".gz", ".csv", ".png", ".html"))
            or path.parent.name == "cases"
        }
