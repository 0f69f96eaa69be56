"""Tests of `gateway.install`."""
