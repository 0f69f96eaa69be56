"""Tests of the operator's face: API, client, page."""
