"""Tests of `gateway.net`."""
