"""The results of a recording's samples together: shares, intervals, episodes, curves."""
