"""The phantom: synthetic CT of an abdomen with known truth; no patient is involved.

Making one needs NumPy only; DICOM and NIfTI writing are loaded when they are used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
