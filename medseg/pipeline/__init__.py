"""From a scan to its label map: the main job in one place.

What runs a network needs torch and is loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
