"""No secret reaches a log, an outcome, an error or a screen, however loud every logger is."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from scalein.errors import ConfigurationError
from tests.support.clouds import group, instances
from tests.support.deployment import FOLLOW_UP_KEY, KEY
from tests.support.worlds import World, world_of

TOKEN, PASSWORD, PAYLOAD = "token-canary-7731", "ledger-canary-7731", "payload-canary-7731"
SECRETS = (KEY.access_key_secret, "wrong-canary-7731", TOKEN, PASSWORD, PAYLOAD, FOLLOW_UP_KEY)
FAULTS = (
    "throttled",
    "internal-error",
    "bad-gateway",
    "not-json",
    "lost-answer",
    "reset",
    "forbidden",
)


@pytest.fixture(params=[1, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
def heard(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger, the SDKs' own included, at the level of a person who looks for a fault."""
    caplog.set_level(request.param)
    found = (
        logger
        for logger in logging.root.manager.loggerDict.values()
        if isinstance(logger, logging.Logger)
    )
    loggers = [
        logger for logger in found if not logger.name.startswith("uvicorn")
    ]  # the local cloud's
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(request.param)
    yield caplog
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def whole_story(world: World) -> None:
    """Removals, follow-ups, refusals, faults of both SDKs, and events that are none."""
    world.set("ALIBABA_CLOUD_SECURITY_TOKEN", TOKEN)
    world.cloud.inside.authenticator.security_token = TOKEN
    world.send({"remove": {"count": 30}, "requestId": "whole"})
    for kind in FAULTS:
        world.cloud.inside.faults.add(kind)
        world.send({"remove": {"count": 1}, "requestId": kind})
        world.cloud.inside.faults.add(kind, "InvokeFunction")
        world.send({"remove": {"count": 1}, "requestId": f"{kind}-later"})
    for event in (
        PAYLOAD,
        json.dumps({"scalingGroupId": PAYLOAD}),
        json.dumps({"remove": {PAYLOAD: PAYLOAD}}),
    ):
        world.send(event.encode())
    world.follow()


def test_the_function_shows_no_secret_anywhere(
    heard: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEBUG", "sdk")  # the SDK's own switch
    with world_of(group(*instances(60))) as world:
        whole_story(world)
        world.set("SCALEIN_LEDGER", f"redis://:{PASSWORD}@127.0.0.1:9/0")
        world.send({"remove": {"count": 1}, "requestId": "without a ledger"})
        world.set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong-canary-7731")
        with pytest.raises(ConfigurationError) as caught:
            world.send({"remove": {"count": 1}, "dryRun": True})
    output = "".join(
        [heard.text, *capfd.readouterr(), json.dumps(world.outcomes), str(caught.value)]
    )

    assert len(world.removals) >= 2
    assert [secret for secret in SECRETS if secret in output] == []
