"""Settings come from the environment and the context, and a wrong one names itself."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.addresses import Endpoint
from scalein.errors import ConfigurationError
from scalein.settings import Credentials, read_settings
from tests.support.deployment import native_context

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "env-id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "env-secret"}


def context(**fields: object) -> SimpleNamespace:
    return SimpleNamespace(
        **{"region": "cn-hangzhou", "function": SimpleNamespace(timeout=60), **fields}
    )


def test_credentials_of_the_context_win_and_bring_their_token() -> None:
    theirs = SimpleNamespace(
        access_key_id="sts-id", access_key_secret="sts-secret", security_token="sts-token"
    )

    settings = read_settings(
        {**KEYS, "ALIBABA_CLOUD_SECURITY_TOKEN": "other"}, context(credentials=theirs)
    )

    assert settings.credentials == Credentials("sts-id", "sts-secret", "sts-token")


@pytest.mark.parametrize(
    "without", [{}, {"credentials": None}, {"credentials": SimpleNamespace(access_key_id="")}]
)
def test_without_credentials_in_the_context_those_of_the_environment_hold(
    without: dict[str, object],
) -> None:
    settings = read_settings(
        {**KEYS, "ALIBABA_CLOUD_SECURITY_TOKEN": "env-token"}, context(**without)
    )

    assert settings.credentials == Credentials("env-id", "env-secret", "env-token")


def test_credentials_do_not_print() -> None:
    assert "secret" not in repr(Credentials("id", "secret", "token")) + str(
        Credentials("id", "secret", "token")
    )


def test_a_deployment_without_credentials_is_wrong() -> None:
    with pytest.raises(ConfigurationError, match="RAM role"):
        read_settings({}, context())


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("", None),
        ("127.0.0.1:8080", Endpoint("127.0.0.1:8080", secure=False)),
        ("http://localhost:8080", Endpoint("localhost:8080", secure=False)),
        ("https://localhost:8443/", Endpoint("localhost:8443", secure=True)),
        ("[::1]:8080", Endpoint("[::1]:8080", secure=False)),
        ("ess.aliyuncs.com", Endpoint("ess.aliyuncs.com", secure=True)),
        (
            "https://ess-vpc.cn-hangzhou.aliyuncs.com",
            Endpoint("ess-vpc.cn-hangzhou.aliyuncs.com", secure=True),
        ),
        ("127.evil.example", Endpoint("127.evil.example", secure=True)),
        ("127.0.0.1.evil.example:80", Endpoint("127.0.0.1.evil.example:80", secure=True)),
    ],
)
def test_only_this_machine_is_spoken_to_without_tls(text: str, endpoint: Endpoint | None) -> None:
    assert read_settings({**KEYS, "SCALEIN_ESS_ENDPOINT": text}, context()).ess_endpoint == endpoint


def test_cloudmonitor_has_an_endpoint_of_its_own() -> None:
    settings = read_settings({**KEYS, "SCALEIN_CMS_ENDPOINT": "127.0.0.1:8080"}, context())

    assert (settings.ess_endpoint, settings.cms_endpoint) == (
        None,
        Endpoint("127.0.0.1:8080", secure=False),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCALEIN_ESS_ENDPOINT", "http://ess.aliyuncs.com"),
        ("SCALEIN_ESS_ENDPOINT", "ftp://127.0.0.1"),
        ("SCALEIN_ESS_ENDPOINT", "https://user@host"),
        ("SCALEIN_ESS_ENDPOINT", "host/path"),
        ("SCALEIN_ESS_ENDPOINT", "host:port"),
        ("SCALEIN_CMS_ENDPOINT", "http://metrics.cn-hangzhou.aliyuncs.com"),
        ("SCALEIN_ESS_NETWORK", "moon"),
        ("SCALEIN_READ_TIMEOUT_SECONDS", "soon"),
        ("SCALEIN_READ_TIMEOUT_SECONDS", "nan"),
        ("SCALEIN_READ_TIMEOUT_SECONDS", "inf"),
        ("SCALEIN_READ_TIMEOUT_SECONDS", "1e400"),
        ("SCALEIN_READ_TIMEOUT_SECONDS", "1_0"),
        ("SCALEIN_READ_TIMEOUT_SECONDS", "٣"),
        ("SCALEIN_CONNECT_TIMEOUT_SECONDS", "-1"),
        ("SCALEIN_CONNECT_TIMEOUT_SECONDS", "0"),
        ("SCALEIN_SETTLE_SECONDS", "86401"),
        ("SCALEIN_MAX_EVENT_BYTES", "0"),
        ("SCALEIN_MAX_EVENT_BYTES", "4MiB"),
        ("SCALEIN_MAX_EVENT_BYTES", "-1"),
        ("SCALEIN_MAX_EVENT_BYTES", "1.5"),
        ("SCALEIN_MAX_EVENT_BYTES", str(32 * 1_048_576 + 1)),
        ("SCALEIN_DEADLINE_MARGIN_SECONDS", "0.4"),
        ("SCALEIN_DEADLINE_MARGIN_SECONDS", "60"),
        ("SCALEIN_DRY_RUN", "perhaps"),
        ("SCALEIN_RETRY", "never"),
        ("SCALEIN_REGION_ID", "cn hangzhou"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({**KEYS, name: value}, context())


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "value",
    [
        "socks5://user:canary@proxy.example.com:1080",
        "socks5h://127.0.0.1:1",
        "http://user:canary@[::bad",
        "http://[::1",
        "http://proxy.example.com:port",
        "http://proxy.example.com:99999",
        "http://",
        "http://proxy.example.com/canary",
        "http://a canary",
    ],
)
def test_a_proxy_that_would_be_passed_by_is_a_wrong_deployment(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        read_settings({**KEYS, name: value}, context())

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "http://127.0.0.1:3128",
        "http://u:p%40@proxy.example.com",
        "HTTP://[::1]:1/",
        "host:3128",
    ],
)
def test_a_proxy_of_http_is_a_right_deployment(value: str) -> None:
    assert read_settings({**KEYS, "HTTPS_PROXY": value}, context()).ess_endpoint is None


def test_for_a_cloud_on_this_machine_a_proxy_says_nothing() -> None:
    endpoint = {"SCALEIN_ESS_ENDPOINT": "http://127.0.0.1:8080"}

    assert read_settings({**KEYS, **endpoint, "ALL_PROXY": "socks5://h:1"}, context())


@pytest.mark.parametrize(
    ("value", "stopped"),
    [
        ("", ()),
        ("all", ("all",)),
        (" ALL ", ("all",)),
        ("asg-1", ("asg-1",)),
        ("asg-1, asg-2,asg-1,", ("asg-1", "asg-2")),
        ("asg-1,all", ("all",)),
        (" ", ("",)),
        (",", ("",)),
        ("asg-1; asg 2", ("asg-1; asg 2",)),
    ],
)
def test_the_stop_switch_names_groups_or_all(value: str, stopped: tuple[str, ...]) -> None:
    assert read_settings({**KEYS, "SCALEIN_STOP": value}, context()).stopped_groups == stopped


@pytest.mark.parametrize(("timeout", "seconds"), [(60, 59.0), ("60", 59.0), (None, 59.0)])
def test_the_function_s_timeout_is_text_or_a_number_or_unknown(
    timeout: object, seconds: float
) -> None:
    assert (
        read_settings(KEYS, context(function=SimpleNamespace(timeout=timeout))).run_seconds
        == seconds
    )


@pytest.mark.parametrize("timeout", ["nan", "inf", "1e400", "soon", "", 0, -1, True, 86_401, [60]])
def test_a_timeout_that_is_no_number_of_seconds_is_a_wrong_deployment(timeout: object) -> None:
    with pytest.raises(ConfigurationError, match="timeout"):
        read_settings(KEYS, context(function=SimpleNamespace(timeout=timeout)))


@given(st.floats(0.001, 86_400), st.floats(0.001, 86_400))
def test_every_accepted_margin_returns_three_tenths_of_a_second_before_the_timeout(
    timeout: float, margin: float
) -> None:
    variables = {**KEYS, "SCALEIN_DEADLINE_MARGIN_SECONDS": f"{margin:.3f}"}
    try:
        settings = read_settings(
            variables, context(function=SimpleNamespace(timeout=f"{timeout:.3f}"))
        )
    except ConfigurationError:
        return

    assert settings.run_seconds > 0
    assert settings.run_seconds + settings.closing_seconds <= float(f"{timeout:.3f}") - 0.3


def test_an_event_may_have_four_mebibytes_unless_a_setting_says_otherwise() -> None:
    assert read_settings(KEYS, context()).max_event_bytes == 4 * 1_048_576
    assert (
        read_settings({**KEYS, "SCALEIN_MAX_EVENT_BYTES": "1024"}, context()).max_event_bytes
        == 1_024
    )


def test_without_any_setting_ess_is_the_sdk_s_own_and_nothing_is_dry() -> None:
    settings = read_settings(KEYS, context())

    assert (settings.ess_endpoint, settings.ess_network, settings.region_id) == (
        None,
        "public",
        "cn-hangzhou",
    )
    assert (settings.dry_run, settings.raise_retry) == (False, True)


FOLLOWED = {"SCALEIN_FOLLOW_UP_KEY": "k" * 32}


def of_2_0(**fields: object) -> SimpleNamespace:
    """A context of Function Compute 2.0."""
    function, service = (
        SimpleNamespace(name="scale-in"),
        SimpleNamespace(name="ops", qualifier="prod"),
    )
    known = {"region": "cn-hangzhou", "account_id": "123", "function": function, "service": service}
    return SimpleNamespace(**{**known, **fields})


def test_follow_ups_are_off_without_a_key() -> None:
    assert read_settings(KEYS, of_2_0()).function_ref is None


def test_the_function_calls_itself_as_it_runs_now() -> None:
    caller = read_settings({**KEYS, **FOLLOWED}, of_2_0()).function_ref

    assert caller == (
        "https://123.cn-hangzhou-internal.fc.aliyuncs.com",
        "ops",
        "scale-in",
        "prod",
        "k" * 32,
    )
    assert "k" * 32 not in repr(caller)


@pytest.mark.parametrize(
    ("variables", "fields", "says"),
    [
        ({"SCALEIN_FOLLOW_UP_KEY": "short"}, {}, "32 random characters"),
        ({}, {"function": None}, "SCALEIN_FC_FUNCTION"),
        *(
            ({"SCALEIN_FC_FUNCTION": text}, {}, "FUNCTION .*3.0.* SERVICE/FUNCTION")
            for text in ("/", "a/", "/b", "a/b/c", "a b", "ops/1", "x" * 129)
        ),
        ({}, {"account_id": ""}, "SCALEIN_FC_ENDPOINT"),
        ({"SCALEIN_FC_ENDPOINT": "http://fc.example"}, {}, "https"),
        ({"SCALEIN_LEDGER": "http://redis"}, {}, "redis://"),
        ({"SCALEIN_FAILED": "maybe"}, {}, "return, raise"),
    ],
)
def test_a_wrong_setting_of_follow_ups_or_ledger_says_what_it_takes(
    variables: dict[str, str], fields: dict[str, object], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_settings({**KEYS, **FOLLOWED, **variables}, of_2_0(**fields))


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_a_function_whose_context_names_no_service_is_one_of_3_0(runtime: str) -> None:
    caller = read_settings({**KEYS, **FOLLOWED}, native_context(runtime)).function_ref

    assert caller is not None
    assert caller[:4] == (
        "https://1.cn-hangzhou-internal.fc.aliyuncs.com",
        "",
        "scale-in",
        "LATEST",
    )
    assert repr(caller) == "FunctionRef(scale-in)"


@pytest.mark.parametrize("given_context", [of_2_0(), native_context("python3.12")])
@pytest.mark.parametrize(
    ("text", "names"), [("ops/other", ("ops", "other")), ("other", ("", "other"))]
)
def test_a_setting_names_the_function_whatever_the_context_says(
    text: str, names: tuple[str, str], given_context: SimpleNamespace
) -> None:
    variables = {"SCALEIN_FC_FUNCTION": text, "SCALEIN_FC_ENDPOINT": "1.fc.example"}
    caller = read_settings({**KEYS, **FOLLOWED, **variables}, given_context).function_ref

    assert caller is not None
    assert (caller.endpoint, caller.service, caller.function) == ("https://1.fc.example", *names)


def test_the_ledgers_password_is_in_no_text_form() -> None:
    settings = read_settings(
        {**KEYS, "SCALEIN_LEDGER": "redis://:canary@redis.example:6379/0"}, of_2_0()
    )

    assert settings.ledger_url.startswith("redis://")
    assert "canary" not in repr(settings)
