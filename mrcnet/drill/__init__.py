"""Drills: a timed list of faults under traffic, measures of what happened, expectations, a verdict."""
