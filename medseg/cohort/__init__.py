"""Many scans, unattended: what is left to do, who does it, what became of it.

What runs a network needs torch and is loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
