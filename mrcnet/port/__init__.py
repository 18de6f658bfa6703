"""The switch-port model: an egress queue in BPF, its configuration and its counters."""
