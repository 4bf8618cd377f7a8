"""Models written as MONAI bundles, run by MONAI and read again."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medseg import (
    ErrorCode,
    ExportOptions,
    NnunetOptions,
    UnusableInput,
    WrongUse,
    export_bundle,
    import_model,
    load_model,
    read_volume,
    segment,
)
from medseg.core.plan import Architecture, Recipe
from medseg.core.regions import Region
from tests.core.making import CT, TINY_PLAN, save_untrained
from tests.core.models.foreign.bundles import (
    CT_RANGE,
    QUIETLY,
    RAS,
    labels_by_monai,
    write_bundle,
    write_scan,
)
from tests.core.models.foreign.bundles import Recipe as Bundle
from tests.core.models.foreign.test_bundle import EXACT, SHAPE, TURNED

pytestmark = [pytest.mark.filterwarnings(line) for line in QUIETLY]
PLAN = replace(
    TINY_PLAN,
    channels=("CT",),
    normalisation=(CT,),
    patch_shape=(32, 32, 32),
    spacing_mm=(0.9, 2.0, 1.2),  # the scan's own
    widths=(8, 16, 32),
    mirror_axes=(),
)
REGIONS = (
    Region(name="whole liver", ids=(1, 4), painted_as=1),
    Region(name="liver tumour", ids=(4,), painted_as=4),
)


@pytest.fixture
def scan(tmp_path):
    return write_scan(tmp_path / "scan.nii.gz", TURNED.affine, SHAPE)


@pytest.mark.parametrize(
    "plan",
    [
        PLAN,
        replace(PLAN, regions=REGIONS),
        replace(PLAN, architecture=Architecture.SEGRESNET),
        replace(PLAN, architecture=Architecture.SWIN_UNETR, patch_shape=(64,) * 3),
        replace(PLAN, architecture=Architecture.MEDNEXT),
    ],
    ids=lambda plan: f"{plan.architecture}{' of regions' * bool(plan.regions)}",
)
def test_monai_runs_an_exported_model_to_the_same_labels(tmp_path, scan, plan):
    model = load_model(save_untrained(plan, tmp_path / "model"))
    export_bundle(model, tmp_path / "bundle")
    ours = segment(read_volume(scan), model, EXACT).array
    assert len(np.unique(ours)) > 1
    theirs = labels_by_monai(tmp_path / "bundle", scan)[0]
    assert (theirs == ours).mean() >= 0.999
    import_model(tmp_path / "bundle", tmp_path / "again")
    again = segment(read_volume(scan), load_model(tmp_path / "again"), EXACT)
    assert (again.array == ours).mean() >= 0.9999
    assert again.labels.ids == model.info.plan.labels.ids


def test_an_imported_bundle_is_exported_as_it_was(tmp_path, scan):
    bundle = write_bundle(tmp_path / "bundle", Bundle(transforms=(RAS, CT_RANGE)))
    import_model(bundle, tmp_path / "model")
    export_bundle(load_model(tmp_path / "model"), tmp_path / "again")
    np.testing.assert_array_equal(
        labels_by_monai(tmp_path / "again", scan), labels_by_monai(bundle, scan)
    )


def test_an_exported_bundle_keeps_its_licence(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", Bundle())
    (bundle / "LICENSE").write_text("Do as you like.")
    metadata = bundle / "configs" / "metadata.json"
    told = json.loads(metadata.read_text()) | {"copyright": "Copyright (c) Somebody"}
    metadata.write_text(json.dumps(told))
    options = NnunetOptions(licence="Apache-2.0")
    import_model(bundle, tmp_path / "model", options)
    export_bundle(load_model(tmp_path / "model"), tmp_path / "again")
    kept = json.loads((tmp_path / "again" / "configs" / "metadata.json").read_text())
    assert kept["copyright"] == "Copyright (c) Somebody"
    assert (tmp_path / "again" / "LICENSE").read_text() == "Do as you like."
    info = import_model(tmp_path / "again", tmp_path / "model again")
    assert info.licence == "Apache-2.0"
    assert ("copyright", "Copyright (c) Somebody") in info.training.settings
    assert (tmp_path / "model again" / "LICENSE").read_text() == "Do as you like."


def test_a_zipped_bundle_is_imported_and_other_options_are_refused(tmp_path):
    write_bundle(tmp_path / "zipped" / "organs", Bundle())
    shutil.make_archive(str(tmp_path / "organs"), "zip", tmp_path / "zipped")
    options = NnunetOptions(name="organs")
    info = import_model(tmp_path / "organs.zip", tmp_path / "model", options)
    assert info.name == "organs"
    with pytest.raises(WrongUse, match="INVALID_OPTION"):
        import_model(
            tmp_path / "zipped" / "organs",
            tmp_path / "other",
            NnunetOptions(folds=(0,)),
        )


def test_an_error_about_a_zipped_bundle_names_the_zip_and_the_path_within(tmp_path):
    bundle = write_bundle(tmp_path / "zipped" / "organs", Bundle())
    (bundle / "configs" / "inference.json").write_text("[1]")
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "zipped")
    with pytest.raises(UnusableInput, match="DAMAGED_MODEL") as caught:
        import_model(Path(archive), tmp_path / "model")
    assert caught.value.where == f"{archive}: organs/configs/inference.json"


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_is_full_is_one_line_and_nothing_is_left(tmp_path):
    resource = pytest.importorskip("resource")
    model = load_model(save_untrained(PLAN, tmp_path / "model"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, before[1]))
    try:
        with pytest.raises(UnusableInput, match="DISK_FULL") as caught:
            export_bundle(model, tmp_path / "bundle")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.where == str(tmp_path / "bundle")
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        (replace(PLAN, architecture=Architecture.FCN), "fcn"),
        (replace(PLAN, recipe=Recipe.NNUNET), "nnU-Net"),
        (replace(PLAN, decoder_kernels=((1, 1, 1), (3, 3, 3))), "decoder"),
    ],
)
def test_what_monai_has_no_equal_of_is_refused_by_its_name(tmp_path, plan, named):
    model = load_model(save_untrained(plan, tmp_path / "model"))
    with pytest.raises(UnusableInput, match=named) as caught:
        export_bundle(model, tmp_path / "bundle")
    assert caught.value.code is ErrorCode.UNSUPPORTED_MODEL
    assert not (tmp_path / "bundle").exists()


def test_one_network_of_several_is_to_be_chosen(tmp_path):
    model = load_model(save_untrained(PLAN, tmp_path / "model"))
    several = replace(model, networks=model.networks * 2)
    with pytest.raises(WrongUse, match="--fold"):
        export_bundle(several, tmp_path / "bundle")
    export_bundle(several, tmp_path / "bundle", ExportOptions(fold=1))
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {
        *("configs", "docs", "models"),
        "LICENSE",
    }
