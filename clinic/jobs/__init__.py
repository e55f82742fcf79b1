"""Analyses as jobs: queue, leases, progress, outcomes, and analysing again."""
