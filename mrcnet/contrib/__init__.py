"""What other tools need to understand MRC."""
