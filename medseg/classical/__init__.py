"""Classical segmentation: thresholds, growing, watersheds, edges, clusters.

Each method is a pure function of a scan, or of a label map, and of its settings, whose
names carry their units. What computes is loaded when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
