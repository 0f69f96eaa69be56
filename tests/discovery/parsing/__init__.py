"""Registries' JSON into listings."""
