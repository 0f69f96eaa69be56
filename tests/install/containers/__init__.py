"""Tests of gateway.install.containers."""
