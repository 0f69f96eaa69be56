"""Registries' JSON into `gateway.listing.Listing`: lenient in everything but a listing's name. No I/O."""
