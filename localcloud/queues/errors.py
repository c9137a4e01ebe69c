"""The errors of MNS, with the codes, statuses and texts of its page "Error codes"."""

from __future__ import annotations


class MnsError(Exception):
    """An error answer: HTTP status, Code, Message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


TABLE: dict[str, tuple[int, str]] = {
    "AccessDenied": (
        403,
        "The OwnerId that your Access Key Id associated to is forbidden for this operation.",
    ),
    "InternalError": (500, "Interal error."),  # spelled so
    "InvalidAccessKeyId": (403, "The AccessKey Id you provided is not exist."),
    "InvalidAuthorizationHeader": (400, "The Authorization header format is invalid."),
    "InvalidDateHeader": (400, "The Date header format is invalid."),
    "InvalidDegist": (400, "The Content-MD5 you specified is invalid."),  # spelled so
    "InvalidQueueName": (
        400,
        "The queue name you provided is invalid. QueueName should start with alpha "
        "and contain only alpha, digit or - .",
    ),
    "InvalidRequestURL": (400, "Http request URL format invalid."),
    "MalformedXML": (400, "The XML you provided was not well-formed."),
    "MessageNotExist": (404, "Message not exist."),
    "MissingAuthorizationHeader": (400, "Authorization header is required."),
    "MissingDateHeader": (400, "Date header is required."),
    "MissingReceiptHandle": (400, "ReceiptHandle is required."),
    "MissingVisibilityTimeout": (400, "VisibilityTimeout is required."),
    "QpsLimitExceeded": (400, "The qps limit of the queue is exceeded"),
    "QueueAlreadyExist": (409, "The queue you want to create is already exist."),
    "QueueNameLengthError": (400, "Queue name length should between 1 and 120."),
    "QueueNotExist": (404, "The queue name you provided is not exist."),
    "ReceiptHandleError": (400, "The receipt handle you provide is not valid."),
    "SignatureDoesNotMatch": (
        403,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.",
    ),
    "SubscriptionAlreadyExist": (409, "The subscription you want to create is already exist."),
    "SubscriptionNotExist": (404, "The subscription name you provided is not exist."),
    "TimeExpired": (408, "The http request you sent is expired."),
    "TopicAlreadyExist": (409, "The topic you want to create is already exist."),
    "TopicNotExist": (404, "The topic name you provided is not exist."),
}


def error(code: str) -> MnsError:
    """Returns the error of the table that has this code."""
    status, message = TABLE[code]
    return MnsError(status, code, message)


def out_of_range(element: str, low: int, high: int) -> MnsError:
    """Returns the error of a number, or of a length, that is not between these."""
    message = f"The value of {element} should between {low} and {high} seconds/bytes."
    return MnsError(400, "InvalidArgument", message)


def invalid_argument(element: str) -> MnsError:
    """Returns the error of a document that has no such element, or one with another value."""
    message = (
        "The XML you provided did not validate against our published schema, "
        f"cause by {element} Element."
    )
    return MnsError(400, "InvalidArgument", message)
