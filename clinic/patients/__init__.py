"""Patients: the caseload, who shares it, and trends over their recordings."""
