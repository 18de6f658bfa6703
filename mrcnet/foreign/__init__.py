"""What others wrote -> topologies and tables: containerlab files, configurations. Pure; nothing is run."""
