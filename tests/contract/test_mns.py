"""MNS of the local cloud, through its official Python SDK over a real socket."""

from __future__ import annotations

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from aliyunsdkcore.request import RpcRequest
from mns.account import AccountMeta
from mns.message_property import MessagePropertyValue, PropertyType
from mns.mns_common import RequestInfo
from mns.mns_exception import MNSClientNetworkException, MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import Topic, TopicMessage, TopicMeta

from localcloud.ess.model import Assumptions
from localcloud.queues.service import Push
from localcloud.server import server_for
from localcloud.triggers.runner import push_over_http
from tests.support.clock import NOON
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.mns_client import account_at, code_of, contents, queue_at, topic_at

ARN = "acs:mns:cn-hangzhou:1:"
# The SDK deprecates the counts of a queue's messages, which its own reads set.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_of(group(*instances(3)), assumptions=Assumptions(acts=True)) as cloud:
        yield cloud


def test_a_message_comes_as_it_was_sent(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")
    sent = Message("<a> & 你好", priority=3)
    sent.add_user_property("k", MessagePropertyValue(PropertyType.STRING, "v"))
    id = queue.send_message(sent).message_id
    message = queue.receive_message_with_str_body()

    assert (message.message_id, message.message_body) == (id, "<a> & 你好")
    assert (message.dequeue_count, message.priority) == (1, 3)
    assert message.get_user_properties()["k"].get_string_value_by_type() == "v"
    assert message.next_visible_time - message.first_dequeue_time == 30_000


def test_a_connection_of_the_sdk_which_does_not_open_another_may_be_idle(cloud: Cloud) -> None:
    assert server_for(cloud.inside, print).config.timeout_keep_alive >= 60


def test_a_message_is_invisible_until_its_time_is_over_and_then_comes_again(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q", vis_timeout=50)
    queue.send_message(Message("x"))
    first = queue.receive_message()

    assert code_of(queue.receive_message) == "MessageNotExist"
    cloud.clock.advance(49)
    assert code_of(queue.peek_message) == "MessageNotExist"
    cloud.clock.advance(1)
    assert queue.receive_message().dequeue_count == 2
    assert code_of(lambda: queue.delete_message(first.receipt_handle)) == "MessageNotExist"


def test_the_visibility_of_a_message_can_be_changed(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")
    queue.send_message(Message("x"))
    received = queue.receive_message()
    changed = queue.change_message_visibility(received.receipt_handle, 600)
    cloud.clock.advance(599)

    assert code_of(lambda: queue.delete_message(received.receipt_handle)) == "MessageNotExist"
    queue.delete_message(changed.receipt_handle)
    assert queue.get_attributes().inactive_messages == 0


def test_what_is_no_handle_is_refused(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")

    assert code_of(lambda: queue.delete_message("nonsense")) == "ReceiptHandleError"


def test_a_delayed_message_comes_after_its_delay(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q", delay_sec=5)
    queue.send_message(Message("own", delay_seconds=60))
    queue.send_message(Message("queue's"))

    assert queue.get_attributes().delay_messages == 2
    cloud.clock.advance(5)
    assert queue.receive_message_with_str_body().message_body == "queue's"
    cloud.clock.advance(55)
    assert queue.peek_message_with_str_body().message_body == "own"


def test_a_long_poll_gets_a_message_that_comes_meanwhile(cloud: Cloud) -> None:
    queue_at(cloud.endpoint, "q").send_message(Message("x", delay_seconds=3))
    bodies: list[str] = []

    def receive() -> None:
        own = account_at(cloud.endpoint).get_queue("q")
        bodies.append(own.receive_message_with_str_body(30).message_body)

    thread = threading.Thread(target=receive)
    thread.start()
    cloud.clock.advance(3)
    thread.join(10)

    assert bodies == ["x"]


def test_a_long_poll_ends_by_the_clock_of_the_cloud_too(cloud: Cloud) -> None:
    queue_at(cloud.endpoint, "q")
    codes: list[str] = []
    own = account_at(cloud.endpoint).get_queue("q")
    thread = threading.Thread(target=lambda: codes.append(code_of(lambda: own.receive_message(30))))
    thread.start()
    while thread.is_alive():  # however late the poll begins
        cloud.clock.advance(31)
        thread.join(0.05)

    assert codes == ["MessageNotExist"]


def test_batches_of_messages_are_sent_received_and_deleted(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")
    sent = queue.batch_send_message([Message("low"), Message("high", priority=1)])
    peeked = queue.batch_peek_message_with_str_body(16)
    received = queue.batch_receive_message_with_str_body(16)
    handles = [message.receipt_handle for message in received]

    assert [message.message_body for message in peeked] == ["high", "low"]
    assert {m.message_id for m in received} == {m.message_id for m in sent}
    queue.batch_delete_message(handles)
    with pytest.raises(MNSServerException) as refused:
        queue.batch_delete_message([*handles, "nonsense"])
    codes = [error["ErrorCode"] for error in refused.value.sub_errors]
    assert codes == ["MessageNotExist", "MessageNotExist", "ReceiptHandleError"]


def test_in_a_batch_each_message_is_judged_by_itself(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")
    with pytest.raises(MNSServerException) as refused:
        queue.batch_send_message([Message("good"), Message("bad", priority=17)])

    assert [sorted(one) for one in refused.value.sub_errors] == [
        ["MessageBodyMD5", "MessageId"],
        ["ErrorCode", "ErrorMessage"],
    ]
    assert queue.get_attributes().active_messages == 1


def test_attributes_of_a_queue_are_those_that_were_set(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q", vis_timeout=77, polling_wait_sec=9)
    cloud.clock.advance(10)
    queue.set_attributes(QueueMeta(max_msg_size=1024))
    meta = queue.get_attributes()

    assert (meta.visibility_timeout, meta.polling_wait_seconds) == (77, 9)
    assert (meta.maximum_message_size, meta.message_retention_period) == (1024, 345_600)
    assert meta.last_modify_time - meta.create_time == 10
    queue.set_encoding(False)
    assert code_of(lambda: queue.send_message(Message("x" * 1025))) == "InvalidArgument"


def test_the_same_queue_is_created_once_and_another_of_its_name_is_refused(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")

    assert queue.create(QueueMeta()).endswith("/queues/q")
    assert code_of(lambda: queue.create(QueueMeta(vis_timeout=99))) == "QueueAlreadyExist"
    queue.delete()
    assert code_of(queue.delete) == "QueueNotExist"
    assert code_of(queue.get_attributes) == "QueueNotExist"
    assert code_of(lambda: queue.send_message(Message("x"))) == "QueueNotExist"


def test_queues_and_topics_are_listed_page_by_page(cloud: Cloud) -> None:
    for name in ("a-1", "a-2", "a-3", "b-1"):
        queue_at(cloud.endpoint, name)
        topic_at(cloud.endpoint, name)
    account = account_at(cloud.endpoint)
    first, marker = account.list_queue("a-", 2)
    last, end = account.list_queue("a-", 2, marker)
    topics, _ = account.list_topic("b")

    assert [url.rpartition("/")[2] for url in first + last] == ["a-1", "a-2", "a-3"]
    assert (marker != "", end) == (True, "")
    assert [url.rpartition("/")[2] for url in topics] == ["b-1"]


def test_messages_that_are_received_too_often_are_dead_letters(cloud: Cloud) -> None:
    dead = queue_at(cloud.endpoint, "dead")
    queue = queue_at(cloud.endpoint, "q")
    attributes = cloud.inside.queues.queue("q").attributes
    attributes.dead_letter_queue, attributes.max_receive_count = "dead", 2
    queue.send_message(Message("x"))
    for _ in range(2):
        queue.receive_message()
        cloud.clock.advance(30)

    assert code_of(queue.receive_message) == "MessageNotExist"
    assert dead.receive_message_with_str_body().message_body == "x"


def test_a_wrong_signature_is_refused(cloud: Cloud) -> None:
    queue = account_at(cloud.endpoint, "wrong").get_queue("q")

    assert code_of(lambda: queue.create(QueueMeta())) == "SignatureDoesNotMatch"


def test_the_request_id_of_a_client_is_signed_with_the_rest(cloud: Cloud) -> None:
    queue = account_at(cloud.endpoint).get_queue("q")

    assert queue.create(QueueMeta(), RequestInfo("mine")).endswith("/queues/q")


@pytest.mark.parametrize(
    ("kind", "action", "code"),
    [
        ("throttled", "SendMessage", "QpsLimitExceeded"),
        ("internal-error", "SendMessage", "InternalError"),
        ("forbidden", "CreateQueue", "AccessDenied"),
    ],
)
def test_faults_on_request_have_the_codes_of_mns(
    cloud: Cloud, kind: str, action: str, code: str
) -> None:
    queue_at(cloud.endpoint, "q")
    cloud.inside.faults.add(kind, action)

    assert code_of(lambda: _do(action, cloud)) == code
    _do(action, cloud)


def _do(action: str, cloud: Cloud) -> None:
    queue = account_at(cloud.endpoint).get_queue("q")
    if action == "SendMessage":
        queue.send_message(Message("x"))
    else:
        queue.create(QueueMeta())


def test_a_queue_has_a_name_of_120_characters_at_the_utmost(cloud: Cloud) -> None:
    queue_at(cloud.endpoint, "q" * 120)

    assert code_of(lambda: queue_at(cloud.endpoint, "q" * 121)) == "QueueNameLengthError"


def test_an_answer_that_is_lost_was_carried_out(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "q")
    cloud.inside.faults.add("lost-answer", "SendMessage")
    with pytest.raises(MNSClientNetworkException):
        queue.send_message(Message("x"))

    assert queue.get_attributes().active_messages == 1


def subscribed(topic: Topic, endpoint: str, form: str, tag: str = "") -> None:
    meta = SubscriptionMeta(endpoint, notify_content_format=form, filter_tag=tag)
    topic.get_subscription(f"s-{form}-{tag or 'all'}").subscribe(meta)


@pytest.mark.parametrize("form", ["XML", "JSON", "SIMPLIFIED"])
def test_a_topic_gives_its_messages_to_its_queues_in_their_format(cloud: Cloud, form: str) -> None:
    queue, topic = queue_at(cloud.endpoint, "q"), topic_at(cloud.endpoint, "t")
    subscribed(topic, f"{ARN}queues/q", form)
    id = topic.publish_message(TopicMessage("<hi>", "tag")).message_id
    queue.set_encoding(False)
    body = queue.receive_message().message_body

    if form == "SIMPLIFIED":
        assert body == "<hi>"
        return
    if form == "JSON":
        fields = json.loads(body)
    else:
        fields = {
            child.tag.rpartition("}")[2]: child.text for child in ElementTree.fromstring(body)
        }
    assert (fields["Message"], fields["MessageId"], fields["MessageTag"]) == ("<hi>", id, "tag")
    assert (fields["TopicName"], fields["SubscriptionName"]) == ("t", f"s-{form}-all")


def test_a_filter_lets_messages_with_its_tag_alone_pass(cloud: Cloud) -> None:
    queue, topic = queue_at(cloud.endpoint, "q"), topic_at(cloud.endpoint, "t")
    subscribed(topic, f"{ARN}queues/q", "SIMPLIFIED", "red")
    topic.publish_message(TopicMessage("1", "blue"))
    topic.publish_message(TopicMessage("2"))
    topic.publish_message(TopicMessage("3", "red"))
    queue.set_encoding(False)

    assert [m.message_body for m in queue.batch_receive_message(16)] == ["3"]


def test_a_topic_and_its_subscriptions_are_described_changed_and_deleted(cloud: Cloud) -> None:
    topic = topic_at(cloud.endpoint, "t")
    subscription = topic.get_subscription("s")
    subscription.subscribe(SubscriptionMeta(f"{ARN}queues/q"))
    topic.set_attributes(TopicMeta(2048))
    subscription.set_attributes(SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY"))

    assert topic.get_attributes().maximum_message_size == 2048
    assert subscription.get_attributes().notify_strategy == "EXPONENTIAL_DECAY_RETRY"
    assert [url.rpartition("/")[2] for url in topic.list_subscription()[0]] == ["s"]
    other = SubscriptionMeta(f"{ARN}queues/other")
    assert code_of(lambda: subscription.subscribe(other)) == "SubscriptionAlreadyExist"
    wrong = SubscriptionMeta("nowhere")
    assert code_of(lambda: topic.get_subscription("w").subscribe(wrong)) == "InvalidArgument"
    subscription.unsubscribe()
    assert code_of(subscription.unsubscribe) == "SubscriptionNotExist"
    topic.delete()
    assert code_of(lambda: topic.publish_message(TopicMessage("x"))) == "TopicNotExist"


class Receiver(http.server.BaseHTTPRequestHandler):
    """An HTTP endpoint; its server has the list `got` and the next statuses."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, self.headers["x-mns-message-tag"], body))  # type: ignore[attr-defined]
        self.send_response(self.server.statuses.pop())  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Writes nothing."""


def test_a_topic_pushes_to_an_http_endpoint_until_it_takes_the_message(cloud: Cloud) -> None:
    topic = topic_at(cloud.endpoint, "t")
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.socket.settimeout(10)
        server.got, server.statuses = [], [204, 500]  # type: ignore[attr-defined]
        subscribed(topic, f"http://127.0.0.1:{server.server_port}/here", "SIMPLIFIED")
        topic.publish_message(TopicMessage("hi", "tag"))
        queues = cloud.inside.queues
        for expected in (False, True):
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            (push,) = queues.take_due_pushes()
            took = push_over_http(push)
            thread.join()
            assert took is expected
            queues.settle_push(push, took)
            assert queues.take_due_pushes() == []
            cloud.clock.advance(20)

        assert server.got == [("/here", "tag", "hi")] * 2  # type: ignore[attr-defined]


def test_an_endpoint_that_speaks_no_http_has_not_taken_a_push() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(b"no HTTP\r\n\r\n")

        threading.Thread(target=answer).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"

        assert not push_over_http(Push(url, {}, "x", "BACKOFF_RETRY", NOON))


def rpc(cloud: Cloud, action: str, **params: object) -> dict[str, object]:
    request = RpcRequest("Ess", "2014-08-28", action)
    request.set_protocol_type("http")
    for name, value in {"RegionId": "cn-hangzhou", "ScalingGroupId": "asg-1", **params}.items():
        request.add_query_param(name, value)
    return cloud.send(request)


def test_a_lifecycle_hook_writes_to_its_queue(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "hooks")
    arn = f"{ARN}queue/hooks"
    names = {"LifecycleTransition": "SCALE_IN", "NotificationArn": arn}
    rpc(cloud, "CreateLifecycleHook", LifecycleHookName="hook", **names)
    rpc(cloud, "RemoveInstances", **{"InstanceId.1": "i-0001"})
    text = json.dumps(contents(queue))

    assert "i-0001" in text and "lifecycleActionToken" in text
    assert cloud.inside.service.sent_messages[0]["to"] == arn


def test_a_notification_goes_through_a_topic_to_a_queue(cloud: Cloud) -> None:
    queue, topic = queue_at(cloud.endpoint, "notices"), topic_at(cloud.endpoint, "t")
    subscribed(topic, f"{ARN}queues/notices", "SIMPLIFIED")
    rpc(
        cloud,
        "CreateNotificationConfiguration",
        NotificationArn=f"{ARN}topic/t",
        **{"NotificationType.1": "AUTOSCALING:SCALE_IN_SUCCESS"},
    )
    rpc(cloud, "RemoveInstances", **{"InstanceId.1": "i-0001"})
    assert contents(queue) == []
    cloud.clock.advance(61)
    cloud.states()

    assert "SCALE_IN_SUCCESS" in json.dumps(contents(queue))


def test_what_goes_to_no_queue_is_lost_and_stops_nothing(cloud: Cloud) -> None:
    arn = f"{ARN}queue/none"
    rpc(cloud, "CreateLifecycleHook", LifecycleTransition="SCALE_IN", NotificationArn=arn)
    rpc(cloud, "RemoveInstances", **{"InstanceId.1": "i-0001"})

    assert list(cloud.inside.queues.lost) == [arn]


def test_the_account_keeps_the_bucket_of_its_logs(cloud: Cloud) -> None:
    account = account_at(cloud.endpoint)
    account.set_attributes(AccountMeta("bucket"))

    assert account.get_attributes().logging_bucket == "bucket"
