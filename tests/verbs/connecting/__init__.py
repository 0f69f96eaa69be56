"""Tests of gateway.verbs.connecting."""
