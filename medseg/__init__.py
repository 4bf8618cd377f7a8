"""MedSeg: organ and tumour segmentation of CT and MR scans. Research use only.

The public names are listed in `__init__.pyi` and are loaded when first used, so that
`import medseg` itself is quick and imports no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
