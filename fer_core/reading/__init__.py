"""What the samples of a recording say together: shares, intervals, episodes, curves."""
