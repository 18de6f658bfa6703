"""YAML text -> frozen `Topology`. Pure: the caller reads files; errors carry file, line and column."""
