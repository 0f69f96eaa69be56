"""Tests of gateway.store.listings."""
