"""Tests of gateway.discovery.connect."""
