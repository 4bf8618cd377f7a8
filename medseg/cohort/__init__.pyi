from .dask.executor import DaskExecutor
from .engine import start_engine
from .folder.places import Shard
from .gathered.gathering import merge_cohort
from .listing.folders import cases_in, with_references
from .listing.manifest import read_manifest, write_manifest
from .planning import plan_run
from .running import run_cohort
from .settings import HowToRun, WhatToMake
from .status import CohortStatus, cohort_status
from .workers.gpus import gpus_there
from .workers.local import LocalExecutor

__all__ = [
    "CohortStatus",
    "DaskExecutor",
    "HowToRun",
    "LocalExecutor",
    "Shard",
    "WhatToMake",
    "cases_in",
    "cohort_status",
    "gpus_there",
    "merge_cohort",
    "plan_run",
    "read_manifest",
    "run_cohort",
    "start_engine",
    "with_references",
    "write_manifest",
]
