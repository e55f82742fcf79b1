"""Training, evaluation and calibration of the expression model: `python -m train`."""
