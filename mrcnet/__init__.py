"""mrcnet: a testbed for MRC fabrics on the Linux kernel's SRv6 uSID forwarding."""

__version__ = "0.1.0"
