"""RoCEv2 as it is known: reliable connections on one path each, go-back-N, DCQCN. The baseline, sans-IO."""
