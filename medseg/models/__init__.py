"""Trained models on disk, and those shipped with MedSeg.

Describing a model needs no torch; loading one does, and so is loaded when it is used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
