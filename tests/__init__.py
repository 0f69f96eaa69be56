"""Tests mirror the packages: gateway/x/y.py is tested by tests/x/test_y.py."""
