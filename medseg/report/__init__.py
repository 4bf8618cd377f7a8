"""Tables, pictures and the one-file HTML report that shows them.

The tables need no more than the standard library; what draws is loaded when used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
