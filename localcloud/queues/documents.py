"""The XML of MNS: what requests say, and what answers look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from localcloud.queues.errors import MnsError, error, invalid_argument
from localcloud.queues.model import Attributes, Content, Counts, Message, Queue, camel
from localcloud.queues.topics import (
    NAMESPACE,
    RETENTION_SECONDS,
    Subscription,
    Topic,
    md5_of,
    milliseconds,
)

Fields = Mapping[str, object]

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
NUMBERS = ("delay_seconds", "maximum_message_size", "message_retention_period")
TIMES = ("visibility_timeout", "polling_wait_seconds")
PROPERTY_LISTS = {"UserProperties": "PropertyValue", "SystemProperties": "SystemPropertyValue"}


def parsed(body: bytes) -> Element:
    """Returns the root of a request's document. Raises MnsError where it is no XML."""
    if b"<!" in body:  # no entities, which could grow without end
        raise error("MalformedXML")
    try:
        return ElementTree.fromstring(body)  # noqa: S314 (no entities: see above)
    except ParseError as failure:
        raise error("MalformedXML") from failure


def tag_of(element: Element) -> str:
    """Returns an element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def fields_of(element: Element) -> dict[str, str]:
    """Returns the texts of the children by their names."""
    return {tag_of(child): child.text or "" for child in element}


def attributes_of(root: Element, present: Attributes | None = None) -> Attributes:
    """Returns a queue's attributes as the document sets them. Raises MnsError."""
    fields = fields_of(root)
    values = dict(vars(present or Attributes()))
    for name in (*NUMBERS, *TIMES):
        if camel(name) in fields:
            values[name] = number(fields, camel(name))
    if "LoggingEnabled" in fields:
        values["logging_enabled"] = fields["LoggingEnabled"].lower() == "true"
    policy = next((child for child in root if tag_of(child) == "DlqPolicy"), None)
    if policy is not None:
        values.update(_dead_letters(fields_of(policy)))
    return Attributes(**values)


def content_of(element: Element) -> Content:
    """Returns the message that an element `Message` describes. Raises MnsError."""
    fields = fields_of(element)
    if "MessageBody" not in fields:
        raise invalid_argument("MessageBody")
    content = Content(fields["MessageBody"], group_id=fields.get("MessageGroupId", ""))
    if "DelaySeconds" in fields:
        content.delay_seconds = number(fields, "DelaySeconds")
    if "Priority" in fields:
        content.priority = number(fields, "Priority")
    for child in element:
        if tag_of(child) in PROPERTY_LISTS:
            properties = [fields_of(entry) for entry in child]
            content.properties[tag_of(child)] = [
                (one.get("Name", ""), one.get("Value", ""), one.get("Type", ""))
                for one in properties
            ]
    return content


def number(fields: Mapping[str, str], name: str) -> int:
    """Returns the whole number of a field. Raises MnsError where it is none."""
    try:
        return int(fields[name])
    except ValueError as failure:
        raise invalid_argument(name) from failure


def queue_document(queue: Queue, counts: Counts) -> str:
    """Returns what GetQueueAttributes answers."""
    return HEAD + _element("Queue", _queue_fields(queue, counts), is_root=True)


def queue_list(
    queues: Iterable[tuple[str, Queue, Counts]], with_meta: bool, next_marker: str
) -> str:
    """Returns what ListQueue answers: the URL of each queue, and its attributes if wanted."""
    entries = [
        {"QueueURL": url, **(_queue_fields(queue, counts) if with_meta else {})}
        for url, queue, counts in queues
    ]
    return _list("Queues", "Queue", entries, next_marker)


def topic_document(topic: Topic) -> str:
    """Returns what GetTopicAttributes answers."""
    return HEAD + _element("Topic", _topic_fields(topic), is_root=True)


def topic_list(topics: Iterable[tuple[str, Topic]], with_meta: bool, next_marker: str) -> str:
    """Returns what ListTopic answers."""
    entries = [
        {"TopicURL": url, **(_topic_fields(topic) if with_meta else {})} for url, topic in topics
    ]
    return _list("Topics", "Topic", entries, next_marker)


def subscription_list(urls: Iterable[str], next_marker: str) -> str:
    """Returns what ListSubscriptionByTopic answers."""
    entries = [{"SubscriptionURL": url} for url in urls]
    return _list("Subscriptions", "Subscription", entries, next_marker)


def subscription_document(topic: Topic, subscription: Subscription) -> str:
    """Returns what GetSubscriptionAttributes answers."""
    fields: dict[str, object] = {
        "TopicOwner": topic.owner,
        "TopicName": topic.name,
        "SubscriptionName": subscription.name,
        "Subscriber": topic.owner,
        "Endpoint": subscription.endpoint,
        "NotifyStrategy": subscription.notify_strategy,
        "NotifyContentFormat": subscription.notify_content_format,
        "CreateTime": int(subscription.created_at.timestamp()),
        "LastModifyTime": int(subscription.modified_at.timestamp()),
    }
    if subscription.filter_tag:
        fields["FilterTag"] = subscription.filter_tag
    return HEAD + _element("Subscription", fields, is_root=True)


def sent_document(message_id: str, md5: str, group_id: str = "") -> str:
    """Returns what SendMessage and PublishMessage answer."""
    fields = {"MessageId": message_id, "MessageBodyMD5": md5}
    if group_id:
        fields["MessageGroupId"] = group_id
    return HEAD + _element("Message", fields, is_root=True)


def sent_list(outcomes: Iterable[Message | MnsError]) -> str:
    """Returns what BatchSendMessage answers: for each message its id, or its error."""
    entries: list[Fields] = []
    for one in outcomes:
        if isinstance(one, MnsError):
            entries.append({"ErrorCode": one.code, "ErrorMessage": one})
        else:
            md5 = md5_of(one.content.body)
            entries.append({"MessageId": one.message_id, "MessageBodyMD5": md5})
    return _list("Messages", "Message", entries)


def message_document(message: Message, is_peek: bool) -> str:
    """Returns what ReceiveMessage and PeekMessage answer."""
    properties = _properties(message.content)
    return HEAD + _element("Message", _message_fields(message, is_peek), properties, is_root=True)


def message_list(messages: Iterable[Message], is_peek: bool) -> str:
    """Returns what the batches of receive and peek answer."""
    inner = "".join(
        _element("Message", _message_fields(message, is_peek), _properties(message.content))
        for message in messages
    )
    return f'{HEAD}<Messages xmlns="{NAMESPACE}">{inner}</Messages>'


def visibility_document(message: Message) -> str:
    """Returns what ChangeMessageVisibility answers."""
    fields = {
        "ReceiptHandle": message.receipt_handle,
        "NextVisibleTime": milliseconds(message.visible_at),
    }
    return HEAD + _element("ChangeVisibility", fields, is_root=True)


def deletion_errors(failures: Mapping[str, MnsError]) -> str:
    """Returns what BatchDeleteMessage answers for handles that deleted nothing."""
    entries = [
        {"ErrorCode": failure.code, "ErrorMessage": failure, "ReceiptHandle": handle}
        for handle, failure in failures.items()
    ]
    return _list("Errors", "Error", entries)


def error_document(failure: MnsError, request_id: str, host: str) -> str:
    """Returns the document of an error answer."""
    fields = {
        "Code": failure.code,
        "Message": failure,
        "RequestId": request_id,
        "HostId": f"http://{host}",
    }
    return HEAD + _element("Error", fields, is_root=True)


def account_document(logging_bucket: str) -> str:
    """Returns what GetAccountAttributes answers."""
    return HEAD + _element("Account", {"LoggingBucket": logging_bucket}, is_root=True)


def order_document(order_id: str) -> str:
    """Returns what OpenService answers."""
    return HEAD + _element("OpenService", {"OrderId": order_id}, is_root=True)


def _dead_letters(policy: Mapping[str, str]) -> dict[str, str | int]:
    """Returns the fields of a DlqPolicy: named as the OpenAPI of MNS (2022-01-19) has them."""
    if policy.get("Enabled", "true").lower() != "true":
        return {"dead_letter_queue": "", "max_receive_count": 0}
    target = policy.get("DeadLetterTargetQueue", "").rpartition("/")[2]
    return {"dead_letter_queue": target, "max_receive_count": number(policy, "MaxReceiveCount")}


def _queue_fields(queue: Queue, counts: Counts) -> dict[str, object]:
    attributes = queue.attributes
    return {
        "QueueName": queue.name,
        "CreateTime": int(queue.created_at.timestamp()),
        "LastModifyTime": int(queue.modified_at.timestamp()),
        **{camel(name): getattr(attributes, name) for name in (*NUMBERS, *TIMES)},
        "ActiveMessages": counts.active,
        "InactiveMessages": counts.inactive,
        "DelayMessages": counts.delayed,
        "LoggingEnabled": attributes.logging_enabled,
    }


def _topic_fields(topic: Topic) -> dict[str, object]:
    return {
        "TopicName": topic.name,
        "CreateTime": int(topic.created_at.timestamp()),
        "LastModifyTime": int(topic.modified_at.timestamp()),
        "MaximumMessageSize": topic.maximum_message_size,
        "MessageRetentionPeriod": RETENTION_SECONDS,
        "MessageCount": 0,
        "LoggingEnabled": topic.logging_enabled,
    }


def _message_fields(message: Message, is_peek: bool) -> dict[str, object]:
    content = message.content
    fields: dict[str, object] = {
        "MessageId": message.message_id,
        "MessageBodyMD5": md5_of(content.body),
        "MessageBody": content.body,
        "EnqueueTime": milliseconds(message.sent_at),
        "FirstDequeueTime": milliseconds(message.first_dequeued_at or message.sent_at),
        "DequeueCount": message.dequeue_count,
        "Priority": content.priority,
    }
    if content.group_id:
        fields["MessageGroupId"] = content.group_id
    if not is_peek:
        fields["NextVisibleTime"] = milliseconds(message.visible_at)
        fields["ReceiptHandle"] = message.receipt_handle
    return fields


def _properties(content: Content) -> str:
    parts = []
    for list_name, properties in content.properties.items():
        names = ("Name", "Value", "Type")
        inner = "".join(
            _element(PROPERTY_LISTS[list_name], dict(zip(names, one, strict=True)))
            for one in properties
        )
        parts.append(f"<{list_name}>{inner}</{list_name}>")
    return "".join(parts)


def _list(name: str, entry_name: str, entries: Iterable[Fields], next_marker: str = "") -> str:
    inner = "".join(_element(entry_name, entry) for entry in entries)
    marker = f"<NextMarker>{escape(next_marker)}</NextMarker>" if next_marker else ""
    return f'{HEAD}<{name} xmlns="{NAMESPACE}">{inner}{marker}</{name}>'


def _element(name: str, fields: Fields, more: str = "", is_root: bool = False) -> str:
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in fields.items())
    namespace = f' xmlns="{NAMESPACE}"' if is_root else ""
    return f"<{name}{namespace}>{inner}{more}</{name}>"
