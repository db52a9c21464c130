"""What went wrong with a request, in words that give away nothing of it."""

from __future__ import annotations

import os

import aiohttp

from importer.targets import escape

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the host's name was not found"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer"),
)


def describe(error: Exception) -> str:
    """Say what went wrong, without what aiohttp's repr gives away (headers, and so the token)."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return escape(f"the certificate was refused: {error.certificate_error}")
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, aiohttp.ClientSSLError):  # its errno is OpenSSL's
        return escape(f"no TLS connection: {error.strerror}")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else escape(str(error.strerror))
    return type(error).__name__
