"""The actions of queues and their messages."""

from __future__ import annotations

from collections.abc import Iterator

from localcloud.queues import documents
from localcloud.queues.calls import Answer, Call, Operation
from localcloud.queues.errors import MnsError, error, invalid_argument
from localcloud.queues.model import (
    MAX_BATCH,
    MAX_VISIBILITY_SECONDS,
    Message,
    Queue,
)
from localcloud.queues.topics import md5_of

QUEUES, QUEUE = "/queues", "/queues/{queue}"
MESSAGES = QUEUE + "/messages"


def operations() -> Iterator[Operation]:
    """Yields what can be done with queues."""
    yield Operation("GET", QUEUES, "ListQueue", _list)
    yield Operation("PUT", QUEUE, "CreateQueue", _put)
    yield Operation("GET", QUEUE, "GetQueueAttributes", _get)
    yield Operation("DELETE", QUEUE, "DeleteQueue", _delete_queue)
    yield Operation("POST", MESSAGES, "SendMessage", _send)
    yield Operation("GET", MESSAGES, "ReceiveMessage", _receive, polls=True)
    yield Operation("PUT", MESSAGES, "ChangeMessageVisibility", _change_visibility)
    yield Operation("DELETE", MESSAGES, "DeleteMessage", _delete_messages)


def wait_seconds(call: Call) -> int:
    """Returns how long a receive may wait for a message. Raises MnsError."""
    if "peekonly" in call.query:
        return 0
    default = _queue(call).attributes.polling_wait_seconds
    return call.number("waitseconds", default, 30)


def _queue(call: Call) -> Queue:
    return call.service.queue(call.names["queue"])


def _url(call: Call, name: str) -> str:
    return f"{call.url}{QUEUES}/{name}"


def _list(call: Call) -> Answer:
    service = call.service
    page, next_marker = call.page(list(service.queues))
    now = service.clock.now()
    queues = [service.queue(name) for name in page]
    entries = [(_url(call, queue.name), queue, queue.counts(now)) for queue in queues]
    return Answer(200, documents.queue_list(entries, call.wants_meta, next_marker))


def _put(call: Call) -> Answer:
    """Creates a queue; with `metaoverride`, changes its attributes."""
    name = call.names["queue"]
    if "metaoverride" not in call.query:
        is_new = call.service.create_queue(name, documents.attributes_of(call.document))
        return Answer(201 if is_new else 204, location=_url(call, name))
    queue = _queue(call)
    attributes = documents.attributes_of(call.document, queue.attributes)
    attributes.check()
    queue.attributes, queue.modified_at = attributes, call.service.clock.now()
    return Answer(204)


def _get(call: Call) -> Answer:
    queue = _queue(call)
    return Answer(200, documents.queue_document(queue, queue.counts(call.service.clock.now())))


def _delete_queue(call: Call) -> Answer:
    call.service.delete_queue(call.names["queue"])
    return Answer(204)


def _send(call: Call) -> Answer:
    root = call.document
    if documents.tag_of(root) == "Messages":
        return _send_batch(call)
    message = call.service.send(call.names["queue"], documents.content_of(root))
    content = message.content
    md5 = md5_of(content.body)
    return Answer(201, documents.sent_document(message.message_id, md5, content.group_id))


def _send_batch(call: Call) -> Answer:
    """Sends each message by itself; the status is an error's where one of them is refused."""
    elements = list(call.document)
    _check_batch(len(elements), "Messages")
    outcomes: list[Message | MnsError] = []
    _queue(call)
    for element in elements:
        try:
            content = documents.content_of(element)
            outcomes.append(call.service.send(call.names["queue"], content))
        except MnsError as failure:
            outcomes.append(failure)
    has_failed = any(isinstance(one, MnsError) for one in outcomes)
    return Answer(500 if has_failed else 201, documents.sent_list(outcomes))


def _receive(call: Call) -> Answer:
    is_peek = "peekonly" in call.query
    is_batch = "numofmessages" in call.query
    max_count = call.number("numofmessages", 1, MAX_BATCH)
    if is_peek:
        found = _queue(call).peek(max_count, call.service.clock.now())
    else:
        found = call.service.receive(call.names["queue"], max_count)
    if not found:
        raise error("MessageNotExist")
    if is_batch:
        return Answer(200, documents.message_list(found, is_peek))
    return Answer(200, documents.message_document(found[0], is_peek))


def _change_visibility(call: Call) -> Answer:
    if "receipthandle" not in call.query:
        raise error("MissingReceiptHandle")
    if "visibilitytimeout" not in call.query:
        raise error("MissingVisibilityTimeout")
    seconds = call.number("visibilitytimeout", 0, MAX_VISIBILITY_SECONDS)
    now = call.service.clock.now()
    message = _queue(call).change_visibility(call.query["receipthandle"], seconds, now)
    return Answer(200, documents.visibility_document(message))


def _delete_messages(call: Call) -> Answer:
    name = call.names["queue"]
    if "receipthandle" in call.query:
        call.service.delete(name, call.query["receipthandle"])
        return Answer(204)
    if not call.body:
        raise error("MissingReceiptHandle")
    handles = [element.text or "" for element in call.document]
    _check_batch(len(handles), "ReceiptHandles")
    failures: dict[str, MnsError] = {}
    for handle in handles:
        try:
            call.service.delete(name, handle)
        except MnsError as failure:
            failures[handle] = failure
    if not failures:
        return Answer(204)
    return Answer(404, documents.deletion_errors(failures))


def _check_batch(size: int, element: str) -> None:
    if not 1 <= size <= MAX_BATCH:
        raise invalid_argument(element)
