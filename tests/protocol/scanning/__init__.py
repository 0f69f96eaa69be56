"""Tests of gateway.protocol.scanning."""
