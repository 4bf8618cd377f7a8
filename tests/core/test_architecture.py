"""What may be imported where."""

import subprocess
import sys

from tests.core.training.cubes import write_cubes

ABSENT = (
    *("SimpleITK", "pydicom", "highdicom", "napari", "dask"),
    *("cyclopts", "jinja2", "contourpy", "PIL"),
)


def python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_medseg_loads_no_heavy_package():
    python(
        "import sys, medseg; dir(medseg); medseg.Geometry\n"
        "heavy = {'torch', 'monai', 'pydicom', 'SimpleITK', 'nibabel', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )


def test_the_command_line_shows_its_help_without_torch():
    python(
        "import sys; from medseg.cli.app import run\n"
        "assert run(['segment', '--help']) == 0\n"
        "assert 'torch' not in sys.modules"
    )


def test_what_an_import_can_be_asked_for_is_known_without_torch():
    python(
        "import sys, medseg; from pathlib import Path\n"
        "medseg.NnunetOptions(trained_as=medseg.PatientAxes())\n"
        "medseg.nnunet_configurations(Path())\n"
        "assert 'torch' not in sys.modules"
    )


def test_a_cohort_starts_and_knows_the_gpus_without_monai():
    python(
        "import sys, medseg\n"
        "from medseg.cohort.workers.gpus import gpus_there\n"
        "gpus_there()\n"
        "assert all((medseg.run_cohort, medseg.plan_run, medseg.merge_cohort))\n"
        "assert medseg.list_models()\n"
        "assert 'monai' not in sys.modules"
    )


def test_nifti_is_segmented_and_trained_on_a_bare_machine(tmp_path):
    """With torch, monai, nibabel, numpy, scipy, safetensors and pydantic alone."""
    folder = write_cubes(tmp_path / "data")
    python(
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({ABSENT!r}))\n"
        "from pathlib import Path\n"
        "import medseg\n"
        f"dataset = medseg.read_dataset({str(folder)!r})\n"
        "settings = medseg.TrainingSettings(steps=1, fold=None, compile=False)\n"
        f"model = medseg.train(dataset, Path({str(tmp_path / 'model')!r}), settings)\n"
        "scan = medseg.read_volume(dataset.cases[0].images[0])\n"
        "result = medseg.segment(scan, model)\n"
        f"medseg.write_segmentation(result, {str(tmp_path / 'labels.nii.gz')!r})\n"
    )
    assert (tmp_path / "labels.nii.gz").exists()


def test_every_public_name_loads():
    python("import medseg\nfor name in medseg.__all__: getattr(medseg, name)")
