"""Models of other tools, whichever they are -> ordinary model folders."""

import zipfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from medseg.core.errors import ErrorCode, WrongUse
from medseg.core.model_info import ModelInfo
from medseg.models.foreign.bundle import (
    METADATA_FILE,
    BundleOptions,
    import_bundle,
    is_bundle,
)
from medseg.models.foreign.nnunet import NnunetOptions, import_nnunet

_DEFAULT = NnunetOptions()


def import_model(
    path: Path, out_folder: Path, options: NnunetOptions = _DEFAULT
) -> ModelInfo:
    """Turn a model of nnU-Net v2 or a MONAI bundle into a model folder.

    Args:
        path: nnU-Net's results folder, a bundle's folder, or a zip of either.
        out_folder: The model folder to write; written whole or not at all.
        options: Name and licence; the others are of nnU-Net's models only.

    Raises:
        UnusableInput: As `import_nnunet` and `import_bundle`.
        WrongUse: INVALID_OPTION when options do not fit; OUTPUT_EXISTS.
    """
    if not _holds_bundle(path):
        return import_nnunet(path, out_folder, options)
    named = BundleOptions(name=options.name, licence=options.licence)
    if replace(options, name="", licence=_DEFAULT.licence) != _DEFAULT:
        raise WrongUse(
            ErrorCode.INVALID_OPTION,
            "a MONAI bundle has no folds, configurations and checkpoints to choose",
            where=path,
            remedy="Give --name and --licence alone.",
        )
    return import_bundle(path, out_folder, named)


def _holds_bundle(path: Path) -> bool:
    if not path.is_file():
        return is_bundle(path)
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError):
        return False
    return any(
        PurePosixPath(*name.parts[-2:]) == PurePosixPath(METADATA_FILE)
        for name in names
    )
