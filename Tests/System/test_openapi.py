"""The OpenAPI documents are OpenAPI 3.1, says a validator that is not ours."""

import json
import os

import pytest

from cloudlib import BINARY
from hostlib import run

validator = pytest.importorskip("openapi_spec_validator", reason="pip install openapi-spec-validator")
SERVICES = ["identity", "image", "placement", "network", "compute", "haneul"]


def listed():
    return json.loads(run(BINARY, "routes", "--json").stdout)


@pytest.mark.parametrize("service", SERVICES)
def test_document_is_valid(service):
    text = run(BINARY, "routes", "--openapi", service).stdout
    if folder := os.environ.get("OPENAPI_KEEP"):  # a folder to keep the documents in
        with open(f"{folder}/{service}.json", "w", encoding="utf-8") as file:
            file.write(text)
    document = json.loads(text)
    assert document["openapi"] == "3.1.0"
    validator.OpenAPIV31SpecValidator(document).validate()
    operations = sum(len(item) for item in document["paths"].values())
    assert operations == sum(route["path"].split("/")[1] == service for route in listed())


def test_the_validator_can_fail():
    document = json.loads(run(BINARY, "routes", "--openapi", "placement").stdout)
    next(iter(document["paths"].values()))["get"].pop("responses")
    document["paths"]["no-slash"] = {}
    with pytest.raises(Exception):
        validator.OpenAPIV31SpecValidator(document).validate()
