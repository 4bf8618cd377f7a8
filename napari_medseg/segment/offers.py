"""Which models are offered: the shipped ones, and those of folders chosen before."""

from contextlib import suppress
from pathlib import Path

import medseg
from napari_medseg.segment.model_chooser import ModelChooser, Offer
from napari_medseg.segment.model_words import SHIPPED
from napari_medseg.segment.remembered import RememberedModels


class Offers:
    """Fills a list of models, and remembers what is added to it.

    Args:
        chooser: The list.
    """

    def __init__(self, chooser: ModelChooser) -> None:
        self._chooser = chooser
        self._remembered = RememberedModels()

    def begin(self) -> None:
        """Offer what there is, and choose the model used last."""
        for model in medseg.list_models():
            offer = Offer(source=model.name, info=model, origin=SHIPPED)
            self._chooser.add(offer)
        for folder in self._remembered.folders:
            with suppress(medseg.MedSegError):  # gone, or not there at the moment
                self._chooser.add(_offer_of(folder))
        self._chooser.choose(self._remembered.last)

    def add(self, folder: Path) -> None:
        """Offer the model in a folder from now on, and choose it.

        Raises:
            MedSegError: When there is none, or it is damaged.
        """
        source = str(folder.absolute())
        if not self._chooser.choose(source):
            self._chooser.add(_offer_of(source))
            self._chooser.choose(source)
        self._remembered.add(source)

    def used(self, model: str) -> None:
        """Begin with this model next time."""
        self._remembered.used(model)


def _offer_of(folder: str) -> Offer:
    info = medseg.read_model_info(Path(folder))
    return Offer(source=folder, info=info, origin=f"the folder {folder}")
