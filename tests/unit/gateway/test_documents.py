"""The documents that the gateway serves."""

import json
import re

import pytest

from gateway.documents import DOCUMENTS, document_text


def test_a_document_is_json_in_utf_8() -> None:
    text = document_text("asyncapi.json")

    assert "Région" in text
    assert json.loads(text)["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_is_complete_in_itself(path: str) -> None:
    references = re.findall(r'"\$ref": "([^"]*)"', document_text(path))

    assert [one for one in references if not one.startswith("#/")] == []
