"""Pages made from the templates of this package."""

from jinja2 import Environment, PackageLoader, StrictUndefined

_TEMPLATES = Environment(
    loader=PackageLoader("medseg.report", "template"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rendered(template: str, page: object) -> str:
    """A template as HTML, with `page` in it."""
    return _TEMPLATES.get_template(template).render(page=page)
