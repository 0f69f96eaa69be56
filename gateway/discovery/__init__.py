"""Finds servers in Smithery and the official registry. What it returns are claims; nothing is fetched or run."""

from __future__ import annotations

from gateway.discovery.finder import Finder, SearchResult, SourceState
from gateway.discovery.ranking import RankedListing
from gateway.discovery.sources import FixedSource, build_sources

__all__ = ["Finder", "FixedSource", "RankedListing", "SearchResult", "SourceState", "build_sources"]
