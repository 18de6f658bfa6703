"""Plan to live network namespaces and back: observe, diff, apply, faults. Needs root."""
