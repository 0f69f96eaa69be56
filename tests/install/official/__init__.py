"""Bundles made by the official packer."""
