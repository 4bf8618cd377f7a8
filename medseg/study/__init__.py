"""Many scores -> statistics, figures and a report that can be published.

Figures and pages are loaded when used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
