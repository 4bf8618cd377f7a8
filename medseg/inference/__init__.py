"""Prepared + networks -> logits on the prepared grid.

Devices are known without MONAI, whatever else there is is loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
