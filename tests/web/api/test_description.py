"""The API does what its description says: requests that follow it and requests that don't, made by schemathesis."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from tests.web.api.conftest import of_token
from web.api.limits import TokenLimit

POSITIVE = {"expected-statuses": ["2xx", "401", "403", "404", "409", "413", "415", "422", "429", "5xx"]}
"""What a description can't say is refused too: bytes that are no picture, a day that is still to come."""
OPERATIONS = {
    "post /expressions",
    "post /uploads",
    "get /uploads/{upload_id}",
    "patch /uploads/{upload_id}",
    "post /recordings",
    "get /recordings/{recording_id}",
    "get /recordings/{recording_id}/samples",
    "get /patients",
    "get /patients/{patient_id}/recordings",
    "get /patients/{patient_id}/questionnaires",
    "get /patients/{patient_id}/fhir",
}
QUICKLY = settings(
    max_examples=10,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)


@pytest.fixture
def described(world):
    """The description as the program with the token reads it."""
    world.app.routes[0].app.state.parts.limit = TokenLimit(10**6, 0.001)
    config = SchemathesisConfig.from_dict({"checks": {"positive_data_acceptance": POSITIVE}})
    path = "/api/v1/openapi.json"
    return schemathesis.openapi.from_asgi(path, world.app, config=config, headers=headers(world))


def headers(world):
    return {"Authorization": f"Bearer {world.token}", "Host": "clinic.test"}


def test_every_operation_is_described(world, described):
    found = [one.ok() for one in described.get_all_operations()]
    assert {f"{one.method} {one.path}" for one in found} == OPERATIONS
    assert of_token(world, world.token).get("/api/v1/openapi.json").json()["openapi"].startswith("3.1")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_requests_are_answered_as_described(world, described, name):
    method, _, path = name.partition(" ")
    (operation,) = (
        one.ok() for one in described.get_all_operations() if (one.ok().method, one.ok().path) == (method, path)
    )
    tried = []

    def answered(case):
        tried.append(case)
        case.call_and_validate(headers=headers(world))

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        QUICKLY(given(case=operation.as_strategy(generation_mode=mode))(answered))()
    assert len(tried) >= 2
