"""Tests of gateway.discovery.asking."""
