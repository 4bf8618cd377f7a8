"""Versions of what computed a result."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

_PACKAGES = ("medseg", "torch", "monai", "numpy", "nibabel", "pydicom")


def package_versions() -> tuple[tuple[str, str], ...]:
    """Name and version of MedSeg, Python and the packages results depend on."""
    found = [("python", python_version())]
    for name in _PACKAGES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            continue
    return tuple(found)
