"""Training models on this installation: data sets, runs as work of the worker, evaluation, and the model in use."""
