"""Every refusal as problem details (RFC 9457), with our ``code`` for scripts and the remedy for people.

One shape for all of them: a mistyped field, an unknown route and a full disk look alike to a client. What goes wrong on
our side is told to the log with an id, and to the caller by that id alone.
"""

import math
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from tailorbird.errors import BadInput, TailorbirdError, TooManyRequests, Unauthorised, Unavailable
from tailorbird.monitoring.causes import cause_of

MEDIA_TYPE: Final = "application/problem+json"

CODES: Final[Mapping[int, str]] = {
    400: "bad_input",
    401: "unauthorised",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
"""The code of a status where nothing more exact is known."""

_ENCODER: Final = msgspec.json.Encoder()


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """RFC 9457 problem details. ``code`` is stable, ``hint`` is the remedy, ``instance`` names an entry of our log.

    Where a limit says no, ``limit`` is its setting, ``limit_value`` what it is set to, ``retry_seconds`` when to come
    again.
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str = ""
    instance: str | None = None
    limit: str = ""
    limit_value: float | None = None
    retry_seconds: int | None = None


class Busy(Unavailable):
    """The server cannot take this at the moment, and its sentence is fit for callers; ``retry_seconds`` is when to."""

    def __init__(self, message: str, *, hint: str = "", retry_seconds: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.retry_seconds = retry_seconds


def answer(
    status: int, code: str, detail: str, *, hint: str = "", instance: str | None = None, **headers: str
) -> Response[bytes]:
    """A problem as a response; ``headers`` are named in Python's manner (``retry_after="1"``)."""
    problem = Problem(
        type=f"/docs#{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        hint=hint,
        instance=instance,
    )
    return _told(problem, **headers)


def _told(problem: Problem, **headers: str) -> Response[bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(_ENCODER.encode(problem), status_code=problem.status, media_type=MEDIA_TYPE, headers=named)


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Tell any error that left a handler. The edge of the process: nothing may pass it."""
    if isinstance(error, TailorbirdError):
        return _of_ours(request, error)
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _of_litestar(request, error)
    return _of_unknown(request, error)


def _of_ours(request: Request[Any, Any, Any], error: TailorbirdError) -> Response[bytes]:
    if isinstance(error, Busy):
        seconds = str(error.retry_seconds)
        return answer(error.status, error.code, error.message, hint=error.hint, retry_after=seconds)
    if isinstance(error, Unavailable):
        # Its sentence names files and causes of this machine, which are the operator's business.
        instance = _logged(request, error)
        return answer(
            503,
            error.code,
            "The shop's storage cannot take or give this now. Nothing of this request was kept.",
            hint="Try again after the seconds in Retry-After; the server's log has the cause under this instance.",
            instance=instance,
            retry_after="5",
        )
    if error.status >= 500:
        return _of_unknown(request, error)
    if isinstance(error, TooManyRequests):
        return _of_limit(error)
    headers = {"www_authenticate": "Bearer"} if isinstance(error, Unauthorised) else {}
    return answer(error.status, error.code, error.message, hint=error.hint, **headers)


def _of_limit(error: TooManyRequests) -> Response[bytes]:
    """With the headers of draft-ietf-httpapi-ratelimit-headers-10 besides Retry-After."""
    seconds = max(math.ceil(error.retry_seconds), 1)
    problem = Problem(
        type=f"/docs#{error.code}",
        title=HTTPStatus(error.status).phrase,
        status=error.status,
        code=error.code,
        detail=error.message,
        hint=error.hint,
        limit=error.limit,
        limit_value=error.value,
        retry_seconds=seconds,
    )
    if not error.limit:
        return _told(problem, retry_after=str(seconds))
    window = ";w=1" if error.limit.endswith("_per_second") else ";w=86400" if error.limit.endswith("_a_day") else ""
    return _told(
        problem,
        retry_after=str(seconds),
        ratelimit=f'"{error.limit}";r=0;t={seconds}',
        ratelimit_policy=f'"{error.limit}";q={max(int(error.value), 1)}{window}',
    )


def _of_litestar(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    status, path = error.status_code, request.scope["path"][:200]
    code = CODES.get(status, BadInput.code)
    if status == 404:
        return answer(404, code, f"There is nothing at '{path}'.", hint="/docs lists every endpoint.")
    if status == 405:
        allow = (error.headers or {}).get("allow", "")
        detail = f"{request.method} is not a method of '{path}'."
        return answer(405, code, detail, hint=f"Allowed: {allow}.", allow=allow)
    if status == 413:
        limit = request.app.state.shops.max_body_mb
        return answer(413, code, f"The body is larger than {limit:g} MB.", hint="Send it in several requests.")
    return answer(status, code, error.detail)


def _of_unknown(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    return answer(
        500,
        TailorbirdError.code,
        "Something went wrong on our side.",
        hint="The server's log has the cause under this instance.",
        instance=_logged(request, error),
    )


def _logged(request: Request[Any, Any, Any], error: Exception) -> str:
    instance = f"urn:uuid:{uuid.uuid4()}"
    route = request.scope.get("path_template", "unmatched")
    structlog.get_logger("tailorbird.api").error(
        "a request failed", instance=instance, method=request.method, route=route, cause=cause_of(error)
    )
    return instance
