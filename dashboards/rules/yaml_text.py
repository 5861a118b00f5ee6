"""YAML as people read it: expressions in lines, long texts folded, nothing sorted."""

from __future__ import annotations

import yaml

WIDTH = 100
LONG = 72


class _Dumper(yaml.SafeDumper):
    # As PyYAML calls it.
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent the items of a list too."""
        super().increase_indent(flow=flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None
    if "\n" in value:
        style = "|"
    elif len(value) > LONG:
        style = ">"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: object, comment: str) -> str:
    """Write a document under a line of comment."""
    body = yaml.dump(
        document,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=WIDTH,
    )
    return f"# {comment}\n{body}"
