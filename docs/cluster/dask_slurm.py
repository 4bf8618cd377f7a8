"""A dask cluster of Slurm jobs, one GPU each, and a cohort on it.

python -m pip install '.[cluster]' dask-jobqueue
python dask_slurm.py --jobs 32 --queue gpu cases.csv --model MODEL --out night

All that this script does not know itself is given to `medseg cohort run`. It runs on a
machine that the jobs can reach, such as a login node, until the cohort is done.
"""

import argparse
import subprocess
import sys

from dask_jobqueue import SLURMCluster


def main() -> int:
    """Start the jobs, run the cohort, end the jobs; the exit code of the cohort."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--queue", default=None)
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--memory", default="32GB")
    parser.add_argument("--walltime", default="08:00:00")
    here, cohort = parser.parse_known_args()
    with SLURMCluster(
        queue=here.queue,
        cores=2,  # threads of a worker: one case computed, the next one read
        job_cpu=here.cores,
        processes=1,
        memory=here.memory,
        walltime=here.walltime,
        job_extra_directives=["--gpus=1"],
        worker_extra_args=["--resources", "GPU=1"],
    ) as cluster:
        cluster.adapt(minimum_jobs=here.jobs, maximum_jobs=here.jobs)
        command = [sys.executable, "-m", "medseg", "cohort", "run", *cohort]
        command += ["--executor", "dask", "--scheduler", cluster.scheduler_address]
        command += ["--resource", "GPU=1"]
        return subprocess.run(command, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main())
