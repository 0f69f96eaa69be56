"""Tests of gateway/massgen, among them a run of the real MassGen."""
