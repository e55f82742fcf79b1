"""Questionnaires: published scales and the clinic's own, answers with their scores, due dates, and patient mode."""
