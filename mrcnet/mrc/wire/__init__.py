"""Bytes on the wire: numbers, layouts, ICRC, and the building and reading of frame batches (spec 2)."""
