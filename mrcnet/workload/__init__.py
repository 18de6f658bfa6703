"""What the hosts do: who writes to whom, how much, and whether the bytes that arrived are the right ones."""
