"""Which models of nnU-Net v2 a folder or zip holds, by the names of its files."""

from pathlib import Path, PurePosixPath

from medseg.core.errors import ErrorCode, UnusableInput
from medseg.models.foreign.archives import zip_names
from medseg.models.foreign.nnunet_files import (
    DATASET_FILE,
    DEEPEST_RESULTS,
    PLANS_FILE,
    NnunetConfiguration,
    configuration_of,
    results_folders,
)


def nnunet_configurations(path: Path) -> tuple[NnunetConfiguration, ...]:
    """The configurations of nnU-Net v2 that one can choose from for an import.

    No file is opened but a zip, and of that the list of names alone is read.

    Args:
        path: A folder or zip, as of `import_model`.

    Returns:
        In the order of `NnunetConfiguration`, each once. None for a MONAI bundle, and
        for a path where there is nothing.

    Raises:
        UnusableInput: TRUNCATED_FILE when the file is damaged or no zip; NOT_READABLE.
    """
    try:
        names = _in_zip(path) if path.is_file() else _below(path)
    except OSError as error:
        raise UnusableInput(
            ErrorCode.NOT_READABLE,
            f"the folder cannot be searched: {error.strerror}",
            where=path,
            remedy="Check its permissions and the disk.",
        ) from None
    return tuple(each for each in NnunetConfiguration if each in names)


def _below(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    return {found.configuration for found in results_folders(folder)}


def _in_zip(archive: Path) -> set[str]:
    names = set(zip_names(archive))
    top = PurePosixPath()
    folders = {
        name.parent
        for name in names
        if name.name == PLANS_FILE and name.with_name(DATASET_FILE) in names
    }
    if top in folders:
        return {configuration_of(archive.stem)}
    return {
        configuration_of(folder.name)
        for folder in folders
        if len(folder.parts) <= DEEPEST_RESULTS
    }
