"""Delivery: client, throttle, replies, workers, reconciliation; the only package that knows aiohttp and aiolimiter."""
