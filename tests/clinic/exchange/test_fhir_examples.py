"""HL7's own R4 examples are judged right, and wrong once they are broken.

They are not part of this repository. `FHIR_R4_EXAMPLES=folder pytest -m dataset` reads them from a folder: the files of
the package hl7.fhir.r4.examples 4.0.1 named Bundle-, Device-, Observation-, Patient- and QuestionnaireResponse-*.json.
"""

import copy
import json
import os
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from clinic.exchange.fhir_r4 import ABSENT_SYSTEM, CODES, faults

FOLDER = os.environ.get("FHIR_R4_EXAMPLES", "")
KINDS = ("Bundle", "Device", "Observation", "Patient", "QuestionnaireResponse")
WRONG = {"Observation/clinical-gender": ["performer: points to a Encounter"]}
"""HL7's own fault: R4 lets no Encounter perform an Observation."""
needs_examples = pytest.mark.skipif(not FOLDER, reason="FHIR_R4_EXAMPLES does not name the folder of HL7's examples")


def examples():
    paths = sorted(path for kind in KINDS for path in Path(FOLDER).glob(f"{kind}-*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.dataset
@needs_examples
def test_hl7_s_examples_are_right():
    found = examples()
    assert {one["resourceType"] for one in found} == set(KINDS)
    assert {f"{one['resourceType']}/{one['id']}": faults(one) for one in found if faults(one)} == WRONG


def broken(example):
    """Yield copies of an example, each with one fault that a validator of types lets pass, and what is said of it."""
    for (kind, element), _ in CODES.items():
        if example["resourceType"] == kind and element in example:
            yield {**example, element: "fertig"}, "none of R4's"
    if example["resourceType"] != "Observation":
        return
    reason = {"coding": [{"system": ABSENT_SYSTEM, "code": "unknown"}]}
    if any(key.startswith("value") for key in example):
        yield {**example, "dataAbsentReason": reason}, "a value beside the reason"
    if "dataAbsentReason" in example:
        yield {**example, "valueString": "x"}, "a value beside the reason"
    yield {**example, "subject": {"reference": "Practitioner/f001"}}, "subject: points to a Practitioner"
    yield {**example, "device": {"reference": "urn:x", "type": "Patient"}}, "device: points to a Patient"


@pytest.mark.dataset
@needs_examples
def test_each_of_them_is_wrong_once_it_is_broken():
    count = 0
    for example in examples():
        for wrong, said in broken(copy.deepcopy(example)):
            assert any(said in fault for fault in faults(wrong)), (example["resourceType"], example["id"], said)
            count += 1
    assert count > 200


EXAMPLE = {
    "resourceType": "Observation",
    "id": "one",
    "status": "final",
    "code": {"coding": [{"system": "urn:own", "code": "a"}]},
    "subject": {"reference": "Patient/p1"},
    "valueInteger": 3,
}
"""An Observation of our own with the features of HL7's, for those who don't have theirs."""


@pytest.mark.parametrize(("wrong", "said"), list(broken(EXAMPLE)))
def test_a_validator_of_types_lets_these_pass_and_the_rules_do_not(wrong, said):
    get_fhir_model_class("Observation").model_validate(copy.deepcopy(wrong))
    assert any(said in fault for fault in faults(wrong))


@pytest.mark.parametrize(
    ("reference", "right"),
    [
        ({"reference": "Patient/p1"}, True),
        ({"reference": "https://example.org/fhir/Patient/p1/_history/2"}, True),
        ({"reference": "#inside"}, True),
        ({"display": "somebody"}, True),
        ({"reference": "urn:uuid:0", "type": "Group"}, True),
        ({"reference": "Practitioner/p1"}, False),
        ({"reference": "https://example.org/fhir/Organization/p1"}, False),
        ({"reference": "#outside"}, False),
        ({"reference": "urn:uuid:0", "type": "Medication"}, False),
    ],
)
def test_what_a_reference_points_to_is_known_from_its_address_type_or_what_is_contained(reference, right):
    contained = [{"resourceType": "Patient", "id": "inside"}, {"resourceType": "Medication", "id": "outside"}]
    assert (faults({**EXAMPLE, "contained": contained, "subject": reference}) == []) is right


def test_a_resource_that_stands_twice_in_a_bundle_is_found_unless_it_is_another_version():
    def bundle(*versions):
        entry = [{"fullUrl": "urn:x", "resource": {**EXAMPLE, "meta": {"versionId": version}}} for version in versions]
        return {"resourceType": "Bundle", "type": "collection", "entry": entry}

    assert faults(bundle("1", "2")) == []
    assert "stands twice" in faults(bundle("1", "1"))[0]
