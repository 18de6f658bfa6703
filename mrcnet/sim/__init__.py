"""The same end points over virtual links in virtual time: no socket, no wall clock, one seed."""
