"""Text of several lines from a template; foreign values in it cannot control the terminal."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from boundary.terminal import counted, legible


def filled(package: str, template: str, **values: object) -> str:
    """Return the text of a template in a package's folder `templates`.

    Each value is made legible, and so cannot begin a line of its own. The filter `counted` is
    `boundary.terminal.counted`.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(),  # of HTML and XML, by the name
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: legible(str(value)),
    )
    environment.filters["counted"] = counted
    return environment.get_template(template).render(**values)
