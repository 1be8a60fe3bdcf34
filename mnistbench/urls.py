"""URLs as they may be shown: without the name and the password of a user. Knows nothing of where they lead.

Source: RFC 3986, section 3.2.1, for where they stand; a password that it would
have written otherwise, such as one with a slash, is left out too.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_USERINFO = re.compile(
    r"(?<=://)(?:"
    r"(?P<proper>[^/?#]*)"
    # Behind the colon is no port, so that it is a password as it was typed.
    r"|(?P<typed>[^/?#:\[]*:(?![0-9]*(?:[/?#]|$)).*)"
    r")@",
    re.DOTALL,
)


def without_userinfo(url: str) -> str:
    """A URL, or a word that holds one, without the name and the password of a user."""
    return _USERINFO.sub("", url)


def hide_userinfo(text: str, url: str) -> str:
    """A text that somebody wrote about a URL, without the name and the password in that URL.

    Args:
        text: Such as an error's.
        url: That has them, or not.
    """
    text = text.replace(url, without_userinfo(url))
    found = (match["proper"] or match["typed"] or "" for match in _USERINFO.finditer(url))
    # Whoever takes a part of a password for a host or a port says so.
    parts = {part for all_ in found for part in (all_, *all_.partition(":")[::2], *re.split("[:/?#@]", all_))}
    secrets = {form for part in parts for form in (part, unquote(part)) if form}
    for secret in sorted(secrets, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text, flags=re.IGNORECASE)
    return text
