"""Rules of the FHIR Bundles that this program writes: those of R4, and its own, which are narrower.

They are checked before a Bundle is handed out, and report where each fault is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clinic.exchange import fhir, fhir_r4

REFERENCES = {"subject": {"Patient"}, "device": {"Device"}, "derivedFrom": {"QuestionnaireResponse", "Observation"}}
"""What a reference of this name points to, within the Bundle."""
CHECKED = {code for code, _ in fhir.TOTALS.values()} | {fhir.PHQ9_PANEL} | set(fhir.PHQ9_ITEMS) | set(fhir.PHQ9_ANSWERS)
"""The LOINC codes that were looked up; another one is a fault."""


def faults(bundle: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a Bundle, one sentence each; empty where nothing is."""
    found = fhir_r4.faults(bundle)
    types = fhir_r4.types_of(bundle)
    for place, entry in enumerate(bundle.get("entry", [])):
        resource = entry.get("resource", {})
        if entry.get("fullUrl", "") != f"urn:uuid:{resource.get('id')}":
            found.append(f"entry {place}: fullUrl and id differ")
        found += [f"entry {place}: {fault}" for fault in _of_resource(resource, types)]
    return found


def _of_resource(resource: Mapping[str, Any], types: Mapping[str, str]) -> Iterator[str]:
    if resource.get("resourceType") == "Observation":
        parts = resource.get("component") or [resource]
        if any(not _says_something(part) for part in parts):
            yield "neither a value nor the reason of its absence"
        absent = [coding for part in parts for coding in part.get("dataAbsentReason", {}).get("coding", [])]
        if any(coding.get("system") != fhir.ABSENT for coding in absent):
            yield "a reason of absence that is not FHIR's"
    for name, allowed in REFERENCES.items():
        for reference in fhir_r4.listed(resource.get(name)):
            target = types.get(reference.get("reference", ""))
            if target is None:
                yield f"{name}: points to nothing in the Bundle"
            elif target not in allowed:
                yield f"{name}: points to a {target}"
    yield from _of_codes(resource)


def _says_something(part: Mapping[str, Any]) -> bool:
    return "dataAbsentReason" in part or any(key.startswith("value") for key in part)


def _of_codes(part: Any) -> Iterator[str]:
    """Yield each LOINC code that was not checked, however deep it stands."""
    if isinstance(part, Mapping):
        if part.get("system") == fhir.LOINC and part.get("code") not in CHECKED:
            yield f"LOINC code {part.get('code')!r} was not checked"
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _of_codes(each)
