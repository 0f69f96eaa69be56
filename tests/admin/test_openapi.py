"""The API's description of itself."""

from __future__ import annotations

from gateway.admin.openapi import openapi


def test_path_query_and_body_stand_where_openapi_wants_them() -> None:
    paths = openapi("1.2.3")["paths"]
    secret = paths["/api/v1/secrets/{server}/{key}"]["put"]

    assert [(p["name"], p["in"], p["required"]) for p in secret["parameters"]] == [
        ("server", "path", True),
        ("key", "path", True),
    ]
    assert secret["requestBody"]["required"] is True
    assert secret["requestBody"]["content"]["application/json"]["schema"]["additionalProperties"] is False


def test_a_list_in_a_query_is_separated_by_commas() -> None:
    (agents,) = openapi("1")["paths"]["/api/v1/massgen/block"]["get"]["parameters"]

    assert (agents["schema"]["type"], agents["style"], agents["explode"]) == ("array", "form", False)


def test_streams_are_described_beside_json() -> None:
    content = openapi("1")["paths"]["/api/v1/install"]["post"]["responses"]["200"]["content"]

    assert set(content) == {"application/json", "application/x-ndjson"}


def test_every_answer_may_be_the_error_and_everything_wants_the_token() -> None:
    described = openapi("1")
    operations = [operation for item in described["paths"].values() for operation in item.values()]

    assert {operation["responses"]["default"]["$ref"] for operation in operations} == {"#/components/responses/Error"}
    assert described["security"] == [{"admin": []}]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
