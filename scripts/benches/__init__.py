"""The figures that `scripts/bench` measures, one module a subject."""
