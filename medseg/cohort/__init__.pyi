from .dask_executor import DaskExecutor
from .engine import start_engine
from .folders import cases_in, with_references
from .gathering import merge_cohort
from .gpus import gpus_there
from .local import LocalExecutor
from .manifest import read_manifest, write_manifest
from .places import Shard
from .planning import plan_run
from .running import run_cohort
from .settings import HowToRun, WhatToMake
from .status import CohortStatus, cohort_status

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
