"""The ledger's URL and every endpoint are checked before the first message; no error shows them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from redis import Redis

from scalein.addresses import ca_file_of
from scalein.errors import ConfigurationError
from scalein.settings import Settings, read_settings

KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "key"}


def settings_with(name: str, value: str) -> Settings:
    context = SimpleNamespace(
        region="cn-hangzhou",
        account_id="1",
        function=SimpleNamespace(timeout=60, name="f"),
        service=SimpleNamespace(name="s", qualifier=""),
    )
    return read_settings({**KEYS, "SCALEIN_FOLLOW_UP_KEY": "k" * 32, name: value}, context)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("canary", "scheme"),
        ("http://:canary@host", "scheme"),
        ("REDIS://:canary@host", "scheme"),
        ("redis:/:canary@host", "scheme"),
        ("redis://", "host"),
        ("redis://:canary@", "host"),
        ("redis://:canary@:6379", "host"),
        ("redis://:canary@host..example", "host"),
        (f"redis://:canary@{'h' * 64}", "host"),
        ("redis://:canary@-host", "host"),
        ("redis://:canary@ho st", "host"),
        ("redis://:canary@höst", "host"),
        ("redis://:canary@[::1", "host"),
        ("redis://:canary@[1:2]", "host"),
        ("redis://:canary@host#fragment", "host"),
        ("redis://:canary@host:port", "port"),
        ("redis://:canary@host:", "port"),
        ("redis://:canary@host:0", "port"),
        ("redis://:canary@host:65536", "port"),
        ("redis://:canary@host:٣", "port"),
        ("redis://:canary@host/zero", "database"),
        ("redis://:canary@host/-1", "database"),
        ("redis://:canary@host/0/1", "database"),
        ("redis://:can/ary@host", "percent-encoded"),
        ("redis://:can#ary@host", "percent-encoded"),
        ("redis://:can?ary@host", "percent-encoded"),
        ("redis://:can@ary@host", "percent-encoded"),
        ("redis://:can:ary@host", "percent-encoded"),
        ("redis://:can%ary@host", "percent-encoded"),
        ("redis://:can ary@host", "percent-encoded"),
        ("redis://us/er:canary@host", "percent-encoded"),
        ("redis://canary@host", "no password"),
        ("redis://canary:@host", "no password"),
        ("redis://:canary%ff@host", "decode"),
        ("redis://:canary%00@host", "decode"),
        ("redis://:canary@host?db=1", "option"),
        ("redis://:canary@host?socket_timeout=canary", "option"),
        ("redis://:canary@host?decode_responses=False", "option"),
        ("redis://:canary@host?canary", "option"),
        ("rediss://:canary@host?ssl_cert_reqs=none", "option"),
        ("rediss://:canary@host?ssl_check_hostname=maybe", "option"),
        ("rediss://:canary@host?ssl_check_hostname=true&ssl_check_hostname=true", "twice"),
        ("rediss://:canary@host?ssl_ca_certs=/no/canary.pem", "does not exist"),
        ("unix://", "path"),
        ("unix://canary/socket", "path"),
        ("unix:///run/canary%00", "decode"),
        ("unix:///run/canary%2", "hexadecimal"),
        ("unix:///run/canary?db=x", "option"),
        ("unix:///run/canary?password=canary", "option"),
    ],
)
def test_a_broken_ledger_url_is_a_configuration_error_that_shows_no_part_of_it(
    url: str, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        settings_with("SCALEIN_LEDGER", url)

    assert "SCALEIN_LEDGER" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (
        None,
        None,
    )  # a log would print those too


@pytest.mark.parametrize(
    "name", ["SCALEIN_ESS_ENDPOINT", "SCALEIN_CMS_ENDPOINT", "SCALEIN_FC_ENDPOINT"]
)
@pytest.mark.parametrize(
    "value",
    [
        "https://user:canary@host",
        "canary@host",
        "host:canary",
        "host:0",
        "host:65536",
        "host:99999999999999999999",
        "host:",
        ":8080",
        "https://",
        "https:///canary",
        "//canary",
        "host/canary",
        "host?canary",
        "host#canary",
        "host\\canary",
        "ho st",
        " host",
        "host\n",
        "host..example",
        "höst",
        "h" * 64,
        ".".join(["h" * 60] * 5),
        "%41",
        "[::1",
        "[canary]",
        "[1:2]:80",
        "ftp://127.0.0.1",
        "HTTP://canary",
    ],
)
def test_a_broken_endpoint_is_a_configuration_error_that_names_its_variable(
    name: str, value: str
) -> None:
    with pytest.raises(ConfigurationError, match=name) as caught:
        settings_with(name, value)

    assert "canary" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis://host",
        "redis://host/",
        "redis://10.0.0.1:6379/15",
        "redis://[::1]:6379/0",
        "redis://:password@r-1.redis.rds.aliyuncs.com:6379/0",
        "rediss://user:password@r-1.redis.rds.aliyuncs.com:6379/0?ssl_check_hostname=false",
        f"rediss://host?ssl_ca_certs={__file__}",
        "unix:///run/redis.sock?db=1",
        "unix://:password@/run/redis.sock",
    ],
)
def test_a_good_ledger_url_is_taken_as_it_is(url: str) -> None:
    assert settings_with("SCALEIN_LEDGER", url).ledger_url == url


TEXT = st.characters(exclude_categories=("Cc", "Cs"))


@given(st.text(TEXT, max_size=12), st.text(TEXT, min_size=1, max_size=12))
def test_any_user_and_password_arrive_once_they_are_percent_encoded(
    user: str, password: str
) -> None:
    url = f"redis://{quote(user, safe='')}:{quote(password, safe='')}@host/3"
    settings_with("SCALEIN_LEDGER", url)

    arguments = Redis.from_url(url).connection_pool.connection_kwargs
    assert (arguments.get("username", ""), arguments["password"]) == (user, password)
    assert (arguments["host"], arguments["db"]) == ("host", 3)


PIECES = st.sampled_from(
    [*"/#?@:%[]& ", "host", "6379", "0", "db=1", "%2F", "%00", "canary", "ssl_ca_certs=", "é", ".."]
)


@given(
    st.sampled_from(["redis://", "rediss://", "unix://", "unix:///"]),
    st.lists(PIECES, max_size=8).map("".join),
)
def test_what_is_accepted_connects_and_what_is_not_shows_nothing(scheme: str, rest: str) -> None:
    """redis-py parses a URL lazily: its errors would come late, and some show the password."""
    try:
        url = settings_with("SCALEIN_LEDGER", scheme + rest).ledger_url
    except ConfigurationError as error:
        event("refused")
        assert "canary" not in str(error)
        return
    event("accepted")
    pool = Redis.from_url(url).connection_pool
    connection = pool.make_connection()
    where = pool.connection_kwargs.get("host") or pool.connection_kwargs.get("path")

    assert connection is not None
    assert where
    assert "canary" not in str(where) or "@" not in rest or rest.index("@") < rest.rindex("canary")


def test_a_certificate_file_that_is_there_is_accepted_percent_encoded_too(tmp_path: Path) -> None:
    file = tmp_path / "a b.pem"
    file.touch()

    settings = settings_with("SCALEIN_LEDGER", f"rediss://host?ssl_ca_certs={quote(str(file))}")
    assert ca_file_of(settings.ledger_url) == str(file)
