"""Volume -> Prepared, and its exact inverse beside it; label maps onto other grids.

What prepares a scan for a network needs torch and is loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
