"""What a person does with queues, topics and triggers in place of a client."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cloud import LocalCloud
from localcloud.console import queue_rows
from localcloud.console.bodies import Body, error_response, guarded
from localcloud.declared import ATTRIBUTES
from localcloud.functions.model import FcError
from localcloud.queues.errors import MnsError
from localcloud.queues.model import DEFAULT_PRIORITY, Attributes, Content
from localcloud.queues.service import QueueService
from localcloud.queues.topics import Published, Subscription, Topic
from localcloud.triggers.registry import Trigger, triggers_in

QUEUE, TOPIC = "/localcloud/queues/{queue}", "/localcloud/topics/{topic}"
SUBSCRIPTIONS = f"{TOPIC}/subscriptions"
TRIGGER = "/localcloud/triggers/{trigger}"
DONE = {"done": True}
QUEUE_FIELDS = tuple(ATTRIBUTES)
MESSAGE = ("text", "plain", "delaySeconds", "priority")
PUBLISHED = ("text", "plain", "tag")
SUBSCRIPTION = ("name", "endpoint", "tag", "format")


def routes(cloud: LocalCloud) -> list[Route]:
    """Returns the routes. What the API refuses, they refuse, with its code."""
    secret = cloud.authenticator.access_key_secret
    acts = _Acts(cloud)

    async def messages(request: Request) -> Response:
        """Looks at the messages of a queue, and takes none."""
        name = request.path_params["queue"]
        return _read(lambda: {"messages": queue_rows.message_rows(cloud.queues, name)})

    async def message(request: Request) -> Response:
        names = request.path_params
        return _read(lambda: queue_rows.whole_message(cloud.queues, names["queue"], names["id"]))

    return [
        Route(QUEUE, guarded(secret, acts.put_queue, QUEUE_FIELDS), methods=["POST"]),
        Route(QUEUE, guarded(secret, acts.delete_queue, ()), methods=["DELETE"]),
        Route(f"{QUEUE}/messages", messages),
        Route(f"{QUEUE}/messages", guarded(secret, acts.send, MESSAGE), methods=["POST"]),
        Route(f"{QUEUE}/messages", guarded(secret, acts.purge, ("id",)), methods=["DELETE"]),
        Route(f"{QUEUE}/messages/{{id}}", message),
        Route(TOPIC, guarded(secret, acts.create_topic, ()), methods=["POST"]),
        Route(TOPIC, guarded(secret, acts.delete_topic, ()), methods=["DELETE"]),
        Route(f"{TOPIC}/messages", guarded(secret, acts.publish, PUBLISHED), methods=["POST"]),
        Route(SUBSCRIPTIONS, guarded(secret, acts.subscribe, SUBSCRIPTION), methods=["POST"]),
        Route(SUBSCRIPTIONS, guarded(secret, acts.unsubscribe, ("name",)), methods=["DELETE"]),
        Route(TRIGGER, guarded(secret, acts.set_trigger, ("enabled",)), methods=["POST"]),
    ]


def _read(look: Callable[[], object]) -> Response:
    try:
        return JSONResponse(look())
    except MnsError as error:
        return error_response(str(error), error.status, error.code)
    except KeyError:
        return error_response("the message is no longer in the queue", 404, "MessageNotExist")


class _Acts:
    """The operations. Each raises MnsError, FcError, KeyError, TypeError, ValueError."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._queues: QueueService = cloud.queues

    def put_queue(self, body: Body) -> Response:
        """Creates {"queue"} with {"visibilityTimeout", "delaySeconds", ...}, or changes it."""
        name, queues = str(body["queue"]), self._queues
        given = {ATTRIBUTES[key]: body[key] for key in ATTRIBUTES if key in body}
        fields: dict[str, Any] = {
            key: value if key == "dead_letter_queue" else int(value) for key, value in given.items()
        }
        with queues.lock:
            if name not in queues.queues:
                queues.create_queue(name, Attributes(**fields))
                return JSONResponse(DONE)
            queue = queues.queue(name)
            attributes = replace(queue.attributes, **fields)
            attributes.check()
            queue.attributes, queue.modified_at = attributes, queues.clock.now()
        return JSONResponse(DONE)

    def delete_queue(self, body: Body) -> Response:
        self._queues.delete_queue(str(body["queue"]))
        return JSONResponse(DONE)

    def send(self, body: Body) -> Response:
        """Sends {"text"}, in Base64 unless it is {"plain"}; {"delaySeconds", "priority"}."""
        delay = body.get("delaySeconds")
        content = Content(
            _body(body),
            None if delay in (None, "") else int(delay),
            int(body.get("priority") or DEFAULT_PRIORITY),
        )
        message = self._queues.send(str(body["queue"]), content)
        return JSONResponse({"messageId": message.message_id})

    def purge(self, body: Body) -> Response:
        """Deletes all messages, those that are in flight too; or only the one with {"id"}."""
        with self._queues.lock:
            deleted = self._queues.queue(str(body["queue"])).purge(body.get("id"))
        return JSONResponse({"deleted": deleted})

    def create_topic(self, body: Body) -> Response:
        now, owner = self._queues.clock.now(), self._queues.account_id
        self._queues.create_topic(Topic(str(body["topic"]), owner, now, now))
        return JSONResponse(DONE)

    def delete_topic(self, body: Body) -> Response:
        with self._queues.lock:
            del self._queues.topics[self._queues.topic(str(body["topic"])).name]
        return JSONResponse(DONE)

    def publish(self, body: Body) -> Response:
        """Publishes {"text"}, with {"tag"}, to all subscriptions and triggers of a topic."""
        now = self._queues.clock.now()
        message = Published(_body(body), now, str(body.get("tag") or ""))
        self._queues.publish(str(body["topic"]), message)
        return JSONResponse({"messageId": message.message_id})

    def subscribe(self, body: Body) -> Response:
        """Adds {"name"}: from a topic to {"endpoint"}, in {"format"}, of messages with {"tag"}."""
        now, name = self._queues.clock.now(), str(body["name"])
        subscription = Subscription(name, str(body["endpoint"]), now, now)
        subscription.filter_tag = str(body.get("tag") or "")
        subscription.notify_content_format = str(body.get("format") or "XML")
        self._queues.subscribe(str(body["topic"]), subscription)
        return JSONResponse(DONE)

    def unsubscribe(self, body: Body) -> Response:
        name, topic = str(body["name"]), str(body["topic"])
        with self._queues.lock:
            del self._queues.topic(topic).subscriptions[self._queues.subscription(topic, name).name]
        return JSONResponse(DONE)

    def set_trigger(self, body: Body) -> Response:
        """Enables or disables a trigger: {"enabled"}."""
        trigger = self._trigger(str(body["trigger"]))
        key = "triggerEnable" if trigger.kind == "eventbridge" else "enable"
        config = {**trigger.config, key: bool(body["enabled"])}
        is_text = isinstance(trigger.description["triggerConfig"], str)
        trigger.description["triggerConfig"] = json.dumps(config) if is_text else config
        return JSONResponse({"enabled": trigger.is_enabled})

    def _trigger(self, id: str) -> Trigger:
        platform = self._cloud.platform
        triggers = triggers_in(platform.registry) if platform else ()
        found = next((trigger for trigger in triggers if trigger.id == id), None)
        if found is None:
            raise FcError(404, "TriggerNotFound", "there is no such trigger")
        return found


def _body(body: Body) -> str:
    """Returns the body of a message, as clients and services of the cloud send it."""
    text = str(body["text"])
    return text if body.get("plain") else base64.b64encode(text.encode()).decode()
