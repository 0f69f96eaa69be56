"""Use cases, driven without HTTP."""
