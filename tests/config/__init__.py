"""Configuration: text in, a frozen value or every problem out."""
