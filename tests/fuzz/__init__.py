"""Parsers against bytes that nobody should write: `scripts/fuzz` for long, `test_fuzz` for a moment."""
