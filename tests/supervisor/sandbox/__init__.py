"""Tests of what keeps servers away."""
