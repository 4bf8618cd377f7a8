"""Predictions and references on disk -> scores, for one pair or whole folders.

Scoring many cases, in several processes if wished, needs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
