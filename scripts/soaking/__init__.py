"""A lab under faults, traffic and edits for a long time, and what of it grows."""
