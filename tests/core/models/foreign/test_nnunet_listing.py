"""The configurations listed are those, and only those, that the import then finds."""

import shutil
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest

import medseg
from medseg import NnunetConfiguration
from medseg.models.foreign.archives import unpacked
from medseg.models.foreign.nnunet_files import is_nnunet_file, results_folder
from tests.core.models.foreign.bundles import Recipe, write_configs

MADE = Path(__file__).parent / "nnunet"
CASCADE = MADE / "cascade/Dataset103_Cascade"
FULL = MADE / "plain/Dataset101_Plain/nnUNetTrainer__nnUNetPlans__3d_fullres"
BOTH = (NnunetConfiguration.LOW_RESOLUTION, NnunetConfiguration.CASCADE)


def found_by_the_import(path: Path) -> tuple[NnunetConfiguration, ...]:
    opened = unpacked(path, is_nnunet_file) if path.is_file() else nullcontext(path)
    found = []
    with opened as folder:
        for configuration in NnunetConfiguration:
            try:
                results_folder(folder, configuration)
            except medseg.WrongUse:
                continue
            found.append(configuration)
    return tuple(found)


def zipped(archive: Path, folder: Path, top: str) -> Path:
    """A zip of what is below a folder, below another one."""
    with zipfile.ZipFile(archive, "w") as zip_file:
        for file in sorted(folder.rglob("*.*")):
            zip_file.write(file, Path(top) / file.relative_to(folder))
    return archive


@pytest.mark.parametrize("top", ["", "Dataset103_Cascade", "nnUNet_results/Dataset1_A"])
def test_a_zip_of_several_is_listed_at_any_depth(tmp_path, top):
    archive = zipped(tmp_path / "several.zip", CASCADE, top)
    assert medseg.nnunet_configurations(archive) == BOTH
    assert found_by_the_import(archive) == BOTH


def test_what_lies_too_deep_for_the_import_is_not_listed(tmp_path):
    archive = zipped(tmp_path / "deep.zip", CASCADE, "a/b/c")
    shutil.copytree(CASCADE, tmp_path / "of/a/b/c")
    for path in (archive, tmp_path / "of"):
        assert medseg.nnunet_configurations(path) == ()


@pytest.mark.parametrize("path", [CASCADE, CASCADE.parent, FULL, FULL.parent])
def test_a_folder_is_listed_as_the_import_reads_it(path):
    listed = medseg.nnunet_configurations(path)
    assert listed
    assert listed == found_by_the_import(path)


def test_a_zip_of_a_results_folder_itself_goes_by_its_own_name(tmp_path):
    for name, expected in (
        (f"{FULL.name}.zip", (NnunetConfiguration.FULL_RESOLUTION,)),
        ("any.zip", ()),
    ):
        archive = zipped(tmp_path / name, FULL, "")
        assert medseg.nnunet_configurations(archive) == expected
        assert found_by_the_import(archive) == expected


def test_a_bundle_and_a_missing_path_have_none(tmp_path):
    recipe = Recipe()
    write_configs(tmp_path / "bundle", recipe.config(), recipe.metadata())
    for path in (tmp_path / "bundle", tmp_path / "absent", tmp_path):
        assert medseg.nnunet_configurations(path) == ()


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / "no.zip").write_bytes(b"no zip")
    with pytest.raises(medseg.UnusableInput, match="TRUNCATED_FILE"):
        medseg.nnunet_configurations(tmp_path / "no.zip")


def test_a_folder_that_may_not_be_searched_is_refused(tmp_path, monkeypatch):
    def refuse(_path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "inner").mkdir()
    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(medseg.UnusableInput, match=r"NOT_READABLE: .*denied"):
        medseg.nnunet_configurations(tmp_path)
