"""The script that a shop's pages load, ``static/tracker.js``: small enough to be served as it is written.

Open, because pages load it before they say anything; what it sends needs a key. It is asked for anew after an hour, and
then costs a 304 unless it changed.
"""

import gzip
import hashlib
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, get

from tailorbird.api.contract import speaks

_SOURCE: Final = (Path(__file__).parent / "static" / "tracker.js").read_bytes()
_PACKED: Final = gzip.compress(_SOURCE, mtime=0)
_MEDIA_TYPE: Final = "text/javascript"
_HEADERS: Final = {
    "Cache-Control": "public, max-age=3600",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "ETag": f'W/"{hashlib.blake2b(_SOURCE, digest_size=12).hexdigest()}"',
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@get("/tracker.js", summary="The script for pages", tags=["events"], **speaks(key="none", gives={_MEDIA_TYPE: str}))
async def tracker(request: Request[Any, Any, Any]) -> Response[bytes]:
    """A page's script: it sends views, impressions, clicks and how long a page was read, as far as consent goes."""
    if _HEADERS["ETag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, media_type=_MEDIA_TYPE, headers=_HEADERS)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_PACKED, media_type=_MEDIA_TYPE, headers={**_HEADERS, "Content-Encoding": "gzip"})
    return Response(_SOURCE, media_type=_MEDIA_TYPE, headers=_HEADERS)


handlers: Final[tuple[Any, ...]] = (tracker,)
