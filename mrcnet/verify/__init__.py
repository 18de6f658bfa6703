"""Proof that a lab forwards as planned: a probe over every EV of every ordered pair, and where one stops."""
