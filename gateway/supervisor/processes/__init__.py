"""Processes of this machine: what they are started with, their pipes, what they cost, and what they leave behind."""
