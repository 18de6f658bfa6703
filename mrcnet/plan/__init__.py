"""`Topology` -> `Plan`: addresses, SIDs, EV -> carrier, tables, lint. Pure; same input, same bytes."""
