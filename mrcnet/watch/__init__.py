"""A running lab as one sees it who looks again and again: ports, runs, rates; as metrics, as a screen."""
