"""Servers reached through Smithery Connect: their plans, and the connections behind them."""
