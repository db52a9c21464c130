"""Send, retry, reconcile and delete records at the targets; the only package that imports aiohttp and aiolimiter."""
