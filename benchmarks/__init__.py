"""Speed and accuracy, side by side with others: `python -m benchmarks`."""
