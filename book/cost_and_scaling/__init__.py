"""The chapter Cost and scaling: how the recorded costs grow, and where others are faster."""
