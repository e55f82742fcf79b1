"""Rules of FHIR R4 that a validator of types lets pass, for Bundles, Patients, Devices, Observations and responses.

Source: HL7 FHIR R4 (4.0.1): the required value sets, the invariants bdl-7, obs-6 and obs-7, and the allowed targets of
references. All but one of HL7's own examples keep them (tests/clinic/exchange/test_fhir_examples.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

ABSENT_SYSTEM = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
CODES = {
    ("Bundle", "type"): {
        "document", "message", "transaction", "transaction-response", "batch", "batch-response", "history",
        "searchset", "collection",
    },
    ("Observation", "status"): {
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown",
    },
    ("QuestionnaireResponse", "status"): {"in-progress", "completed", "amended", "entered-in-error", "stopped"},
    ("Device", "status"): {"active", "inactive", "entered-in-error", "unknown"},
    ("Patient", "gender"): {"male", "female", "other", "unknown"},
}  # fmt: skip
"""The required value sets, by resource and element."""
MANDATORY = {("Bundle", "type"), ("Observation", "status"), ("QuestionnaireResponse", "status")}
ABSENT = {
    "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable",
    "unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed",
    "not-permitted",
}  # fmt: skip
_PEOPLE = {"Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson"}
TARGETS = {
    ("Observation", "subject"): {"Patient", "Group", "Device", "Location"},
    ("Observation", "device"): {"Device", "DeviceMetric"},
    ("Observation", "encounter"): {"Encounter"},
    ("Observation", "specimen"): {"Specimen"},
    ("Observation", "performer"): _PEOPLE | {"CareTeam"},
    ("Observation", "hasMember"): {"Observation", "QuestionnaireResponse", "MolecularSequence"},
    ("Observation", "derivedFrom"): {
        "DocumentReference", "ImagingStudy", "Media", "QuestionnaireResponse", "Observation", "MolecularSequence",
    },
    ("QuestionnaireResponse", "encounter"): {"Encounter"},
    ("QuestionnaireResponse", "author"): _PEOPLE | {"Device"},
    ("QuestionnaireResponse", "source"): _PEOPLE - {"Organization"},
    ("Device", "patient"): {"Patient"},
    ("Device", "owner"): {"Organization"},
    ("Device", "parent"): {"Device"},
    ("Patient", "managingOrganization"): {"Organization"},
    ("Patient", "generalPractitioner"): {"Organization", "Practitioner", "PractitionerRole"},
}  # fmt: skip
"""What a reference may point to, by resource and element."""
_ADDRESS = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/[A-Za-z0-9\-.]{1,64})?$")


def faults(resource: Mapping[str, Any]) -> list[str]:
    """Return which rules of R4 a resource, and each one in it if it is a Bundle, breaks; one sentence each."""
    return list(_faults(resource, {}))


def types_of(bundle: Mapping[str, Any]) -> dict[str, str]:
    """Return the type of each resource of a Bundle by its address in it."""
    found = ((entry.get("fullUrl"), entry.get("resource", {})) for entry in bundle.get("entry", []))
    return {url: str(resource.get("resourceType")) for url, resource in found if url}


def listed(held: Any) -> list[Any]:
    """Return the values of an element that may be repeated."""
    return held if isinstance(held, list) else [] if held is None else [held]


def _faults(resource: Mapping[str, Any], around: Mapping[str, str]) -> Iterator[str]:
    kind = str(resource.get("resourceType"))
    yield from _of_codes(resource, kind)
    if kind == "Observation":
        yield from _of_observation(resource)
    contained = {f"#{one.get('id')}": str(one.get("resourceType")) for one in resource.get("contained", [])}
    yield from _of_references(resource, kind, {**around, **contained})
    if kind == "Bundle":
        yield from _of_bundle(resource)


def _of_bundle(bundle: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of a Bundle's entries, and rule bdl-7."""
    types, seen = types_of(bundle), set()
    for place, entry in enumerate(bundle.get("entry", [])):
        resource = entry.get("resource", {})
        version = entry.get("fullUrl"), resource.get("meta", {}).get("versionId")
        if version[0] and version in seen and bundle.get("type") != "history":
            yield f"entry {place}: {version[0]} stands twice"
        seen.add(version)
        yield from (f"entry {place}: {fault}" for fault in _faults(resource, types))


def _of_codes(resource: Mapping[str, Any], kind: str) -> Iterator[str]:
    for (of, element), allowed in CODES.items():
        given = resource.get(element)
        if of == kind and given not in allowed and (given is not None or (of, element) in MANDATORY):
            yield f"{element} {given!r} is none of R4's"


def _of_observation(observation: Mapping[str, Any]) -> Iterator[str]:
    """Yield what breaks the rules obs-6 and obs-7, and values of which only one may be given."""
    yield from _of_value(observation, "Observation")
    for component in observation.get("component", []):
        yield from _of_value(component, "component")
        if _values(observation) and _codes(component) & _codes(observation):
            yield "component: has the code of the Observation, which has a value"


def _of_value(part: Mapping[str, Any], name: str) -> Iterator[str]:
    absent = part.get("dataAbsentReason")
    if len(_values(part)) > 1:
        yield f"{name}: several values"
    if _values(part) and absent is not None:
        yield f"{name}: a value beside the reason of its absence"
    for coding in (absent or {}).get("coding", []):
        if coding.get("system") == ABSENT_SYSTEM and coding.get("code") not in ABSENT:
            yield f"{name}: unknown reason of absence {coding.get('code')!r}"


def _values(part: Mapping[str, Any]) -> list[str]:
    return [key for key in part if key.startswith("value")]


def _codes(part: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(one.get("system", ""), one.get("code", "")) for one in part.get("code", {}).get("coding", [])}


def _of_references(resource: Mapping[str, Any], kind: str, types: Mapping[str, str]) -> Iterator[str]:
    for (of, element), allowed in TARGETS.items():
        for reference in listed(resource.get(element)) if of == kind else []:
            target = _target(reference, types)
            if target is not None and target not in allowed:
                yield f"{element}: points to a {target}"


def _target(reference: Mapping[str, Any], types: Mapping[str, str]) -> str | None:
    """Return the type of what a reference points to, None where nothing says it."""
    address = str(reference.get("reference", ""))
    found = _ADDRESS.search(address)
    return types.get(address) or (found[1] if found else None) or reference.get("type")
