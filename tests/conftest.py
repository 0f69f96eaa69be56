"""Fixtures shared by all tests: a clock that is turned by hand, and little else."""
