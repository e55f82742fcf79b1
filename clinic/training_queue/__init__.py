"""Trainings as they wait and are held, where their files lie, and whose moments they use."""
