"""Tests of gateway.install.planning."""
