"""Frames in and out of AF_PACKET sockets, a worker process a core, the fabric clock."""
