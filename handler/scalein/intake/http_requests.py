"""What an HTTP request carries: its body, or its query if it is a GET without a body."""

from __future__ import annotations

from typing import Any

from scalein.intake.decoding import (
    check_unicode,
    decode_base64,
    malformed,
    message_of_fields,
)
from scalein.intake.forms import check_size

BODY, QUERY = "body", "query"


def content_of(request: dict[str, Any], method: object, query_field: str) -> tuple[Any, str]:
    """Returns the message of a request, encoded or not, and where in the request it is. A repeated
    parameter has all its values, joined by commas (page "Invoke a function by an HTTP trigger").

    Raises RejectedEvent: damaged Base64, a GET without parameters, a query that is too large.
    """
    body = request.get("body")
    if str(method).upper() == "GET" and _is_empty(body):
        return _message_of_query(request.get(query_field)), QUERY
    # API Gateway's page has it as a text, and as a boolean.
    if isinstance(body, str) and request.get("isBase64Encoded") in (True, "true", "True"):
        body = decode_base64(body)
    return "" if body is None else body, BODY


def _is_empty(body: object) -> bool:
    return body in (None, {}) or (isinstance(body, str) and not body.strip())


def _message_of_query(query: object) -> Any:
    if not isinstance(query, dict) or not query:
        raise malformed(
            "query",
            "The GET request has neither parameters nor a body. Send the message as the body of a"
            " POST, or each field of it as a parameter of the query.",
        )
    check_size(len(query), sum(len(text) for text in query.values() if isinstance(text, str)))
    message = message_of_fields(query)
    check_unicode(message)
    return message
