"""Agents on hosts: probes to T0s and T1s and back to the same host, and what is missed names the link."""
