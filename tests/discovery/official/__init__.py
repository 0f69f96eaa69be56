"""Scripts for the registry's own clients."""
