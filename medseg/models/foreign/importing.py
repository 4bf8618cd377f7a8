"""Models of other tools, whichever they are -> ordinary model folders."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from medseg.core.errors import ErrorCode, UnusableInput, WrongUse
from medseg.core.model_info import ModelInfo
from medseg.models.foreign.archives import zip_names
from medseg.models.foreign.bundle import (
    METADATA_FILE,
    BundleOptions,
    import_bundle,
    is_bundle,
)
from medseg.models.foreign.nnunet import import_nnunet
from medseg.models.foreign.nnunet_files import PLANS_FILE
from medseg.models.foreign.nnunet_options import NnunetOptions

_DEFAULT = NnunetOptions()
_REMEDY = "Give nnU-Net's results folder, a bundle's folder, or a zip of either."


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
            remedy="Give its name and licence alone.",
        )
    return import_bundle(path, out_folder, named)


def _holds_bundle(path: Path) -> bool:
    """Whether it is a bundle; otherwise it may be nnU-Net's."""
    if not path.exists():
        raise UnusableInput(
            ErrorCode.NOT_FOUND,
            "there is no such file or folder",
            where=path,
            remedy=_REMEDY,
        )
    if path.is_dir():
        return is_bundle(path)
    names = zip_names(path)
    if any(METADATA_FILE in (str(n), _below(n)) for n in names):
        return True
    if any(name.name == PLANS_FILE for name in names):
        return False
    raise UnusableInput(
        ErrorCode.UNSUPPORTED_MODEL,
        "the zip holds neither a model of nnU-Net v2 nor a MONAI bundle",
        where=path,
        remedy=_REMEDY,
    )


def _below(name: PurePosixPath) -> str:
    return str(PurePosixPath(*name.parts[1:]))
