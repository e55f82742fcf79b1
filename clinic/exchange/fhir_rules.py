"""Rules of a FHIR R4 Bundle beyond its schema, which a type validator does not check.

They are checked on our own Bundles before one is handed out, and report where each fault is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clinic.exchange import fhir

STATUS = {
    "Observation": {
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown",
    },
    "QuestionnaireResponse": {"in-progress", "completed", "amended", "entered-in-error", "stopped"},
}  # fmt: skip
"""The required value sets of R4."""
ABSENT = {
    "unknown", "asked-unknown", "temp-unknown", "not-asked", "asked-declined", "masked", "not-applicable",
    "unsupported", "as-text", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed",
    "not-permitted",
}  # fmt: skip
REFERENCES = {"subject": {"Patient"}, "device": {"Device"}, "derivedFrom": {"QuestionnaireResponse", "Observation"}}
"""What a reference of this name points to in the Bundles of this program."""
CHECKED = {code for code, _ in fhir.TOTALS.values()} | {fhir.PHQ9_PANEL} | set(fhir.PHQ9_ITEMS) | set(fhir.PHQ9_ANSWERS)
"""The LOINC codes that were looked up; another one is a fault."""


def faults(bundle: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a Bundle, one sentence each; empty where nothing is."""
    entries = bundle.get("entry", [])
    types: dict[str, str] = {}
    found = []
    for place, entry in enumerate(entries):
        url, resource = entry.get("fullUrl", ""), entry.get("resource", {})
        if url in types:
            found.append(f"entry {place}: {url} stands twice")
        if url != f"urn:uuid:{resource.get('id')}":
            found.append(f"entry {place}: fullUrl and id differ")
        types[url] = str(resource.get("resourceType"))
    for place, entry in enumerate(entries):
        found += [f"entry {place}: {fault}" for fault in _of_resource(entry.get("resource", {}), types)]
    return found


def _of_resource(resource: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[str]:
    kind = str(resource.get("resourceType"))
    if kind in STATUS and resource.get("status") not in STATUS[kind]:
        yield f"status {resource.get('status')!r} is none of R4's"
    if kind == "Observation":
        yield from _of_value(resource, "Observation", bool(resource.get("component")))
        for component in resource.get("component", []):
            yield from _of_value(component, "component", False)
    for name, allowed in REFERENCES.items():
        yield from _of_reference(resource, name, allowed, types)
    yield from _of_codes(resource)


def _of_value(part: Mapping[str, Any], name: str, may_be_empty: bool) -> Iterator[str]:
    """Rules obs-6 and obs-7, and that one value at most is given."""
    values = [key for key in part if key.startswith("value")]
    absent = part.get("dataAbsentReason")
    if len(values) > 1:
        yield f"{name}: several values"
    if values and absent is not None:
        yield f"{name}: a value beside the reason of its absence"
    if not values and absent is None and not may_be_empty:
        yield f"{name}: neither a value nor the reason of its absence"
    for coding in (absent or {}).get("coding", []):
        if coding.get("code") not in ABSENT:
            yield f"{name}: unknown reason of absence {coding.get('code')!r}"


def _of_reference(resource: Mapping[str, Any], name: str, allowed: set[str], types: Mapping[str, str]) -> Iterator[str]:
    held = resource.get(name, [])
    for reference in held if isinstance(held, list) else [held]:
        target = types.get(reference.get("reference", ""))
        if target is None:
            yield f"{name}: points to nothing in the Bundle"
        elif target not in allowed:
            yield f"{name}: points to a {target}"


def _of_codes(part: Any) -> Iterator[str]:
    """Yield each LOINC code that was not checked, however deep it stands."""
    if isinstance(part, Mapping):
        if part.get("system") == fhir.LOINC and part.get("code") not in CHECKED:
            yield f"LOINC code {part.get('code')!r} was not checked"
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _of_codes(each)
