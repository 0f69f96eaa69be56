"""Tests of what the bridge is made of."""
