# SPDX-License-Identifier: Apache-2.0
"""Which proxy the environment names for a URL, to say so when it is the proxy that fails."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_of(url: str) -> str | None:
    """Scheme, host and port of the proxy on the way to a URL; None when there is none.

    The client reads the same variables in the same way; it only doesn't tell.
    """
    parts, proxies = urlsplit(url), getproxies()
    named = proxies.get(parts.scheme) or proxies.get("all")
    if not named or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = urlsplit(named if "://" in named else f"http://{named}")
    return f"{proxy.scheme}://{proxy.netloc.rpartition('@')[2]}"
