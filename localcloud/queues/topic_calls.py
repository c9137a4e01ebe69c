"""The actions of topics and subscriptions, and of the account."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from uuid import uuid4

from localcloud.queues import documents
from localcloud.queues.calls import Answer, Call, Operation
from localcloud.queues.errors import invalid_argument
from localcloud.queues.topics import FORMATS, STRATEGIES, Published, Subscription, Topic

TOPICS, TOPIC = "/topics", "/topics/{topic}"
MESSAGES, SUBSCRIPTIONS = TOPIC + "/messages", TOPIC + "/subscriptions"
SUBSCRIPTION = SUBSCRIPTIONS + "/{subscription}"


def operations() -> Iterator[Operation]:
    """Yields what can be done with topics."""
    yield Operation("GET", TOPICS, "ListTopic", _list)
    yield Operation("PUT", TOPIC, "CreateTopic", _put)
    yield Operation("GET", TOPIC, "GetTopicAttributes", _get)
    yield Operation("DELETE", TOPIC, "DeleteTopic", _delete)
    yield Operation("POST", MESSAGES, "PublishMessage", _publish)
    yield Operation("GET", SUBSCRIPTIONS, "ListSubscriptionByTopic", _list_subscriptions)
    yield Operation("PUT", SUBSCRIPTION, "Subscribe", _put_subscription)
    yield Operation("GET", SUBSCRIPTION, "GetSubscriptionAttributes", _get_subscription)
    yield Operation("DELETE", SUBSCRIPTION, "Unsubscribe", _unsubscribe)
    yield Operation("POST", "/commonbuy/openservice", "OpenService", _open_service)


def _topic(call: Call) -> Topic:
    return call.service.topic(call.names["topic"])


def _url(call: Call, *names: str) -> str:
    return "/".join([call.url, "topics", *names])


def _list(call: Call) -> Answer:
    page, next_marker = call.page(list(call.service.topics))
    entries = [(_url(call, name), call.service.topic(name)) for name in page]
    return Answer(200, documents.topic_list(entries, call.wants_meta, next_marker))


def _put(call: Call) -> Answer:
    """Creates a topic; with `metaoverride`, changes its attributes."""
    name, now = call.names["topic"], call.service.clock.now()
    fields = documents.fields_of(call.document)
    is_change = "metaoverride" in call.query
    topic = copy(_topic(call)) if is_change else Topic(name, call.service.account_id, now, now)
    if "MaximumMessageSize" in fields:
        topic.maximum_message_size = documents.number(fields, "MaximumMessageSize")
    if "LoggingEnabled" in fields:
        topic.logging_enabled = fields["LoggingEnabled"].lower() == "true"
    if not is_change:
        is_new = call.service.create_topic(topic)
        return Answer(201 if is_new else 204, location=_url(call, name))
    topic.check()
    topic.modified_at = now
    call.service.topics[name] = topic
    return Answer(204)


def _get(call: Call) -> Answer:
    return Answer(200, documents.topic_document(_topic(call)))


def _delete(call: Call) -> Answer:
    del call.service.topics[_topic(call).name]
    return Answer(204)


def _publish(call: Call) -> Answer:
    fields = documents.fields_of(call.document)
    if not fields.get("MessageBody"):
        raise invalid_argument("MessageBody")
    message = Published(
        fields["MessageBody"],
        call.service.clock.now(),
        fields.get("MessageTag", ""),
        fields.get("MessageGroupId", ""),
    )
    call.service.publish(call.names["topic"], message)
    document = documents.sent_document(message.message_id, message.md5, message.group_id)
    return Answer(201, document)


def _list_subscriptions(call: Call) -> Answer:
    topic = _topic(call)
    page, next_marker = call.page(list(topic.subscriptions))
    urls = [_url(call, topic.name, "subscriptions", name) for name in page]
    return Answer(200, documents.subscription_list(urls, next_marker))


def _put_subscription(call: Call) -> Answer:
    """Subscribes; with `metaoverride`, changes how a notification is tried again."""
    fields, now = documents.fields_of(call.document), call.service.clock.now()
    topic_name, name = call.names["topic"], call.names["subscription"]
    if "metaoverride" in call.query:
        present = call.service.subscription(topic_name, name)
        changed = copy(present)
        changed.notify_strategy = fields.get("NotifyStrategy") or present.notify_strategy
        changed.check()
        changed.modified_at = now
        call.service.topic(topic_name).subscriptions[name] = changed
        return Answer(204)
    subscription = Subscription(
        name,
        fields.get("Endpoint", ""),
        now,
        now,
        fields.get("FilterTag", ""),
        fields.get("NotifyStrategy") or STRATEGIES[0],
        fields.get("NotifyContentFormat") or FORMATS[0],
    )
    is_new = call.service.subscribe(topic_name, subscription)
    url = _url(call, topic_name, "subscriptions", name)
    return Answer(201 if is_new else 204, location=url)


def _get_subscription(call: Call) -> Answer:
    subscription = call.service.subscription(call.names["topic"], call.names["subscription"])
    return Answer(200, documents.subscription_document(_topic(call), subscription))


def _unsubscribe(call: Call) -> Answer:
    subscription = call.service.subscription(call.names["topic"], call.names["subscription"])
    del _topic(call).subscriptions[subscription.name]
    return Answer(204)


def _open_service(_: Call) -> Answer:
    return Answer(200, documents.order_document(str(uuid4().int)[:15]))
