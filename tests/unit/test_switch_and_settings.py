"""What is shown of a function, what counts as the same, and what the stop switch says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein_cli.errors import CommandError
from scalein_cli.function_api import FunctionState, NoAnswer
from scalein_cli.shown_settings import SHOWN_VARIABLES, setting_rows
from scalein_cli.stop_switch import Switch, set_switch

ids = st.from_regex(r"asg-[a-z0-9]{1,5}", fullmatch=True)
groups = st.lists(ids, unique=True, max_size=4).map(tuple)
values = st.one_of(st.just("all"), groups.map(",".join))
secret_names = st.one_of(
    st.from_regex(r"(SCALEIN_|HTTPS_)?[A-Z_]{1,8}", fullmatch=True),
    st.sampled_from(("SCALEIN_LEDGER", "SCALEIN_POLICY", "SCALEIN_FOLLOW_UP_KEY", "DSN")),
).filter(lambda name: name not in SHOWN_VARIABLES)
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8)


def state(checksum: str = "1", **settings: object) -> FunctionState:
    return FunctionState(settings, checksum)


def stopped(value: str) -> set[str]:
    return set(filter(None, value.split(",")))


@given(values, groups)
def test_after_a_stop_its_groups_are_stopped_and_none_is_started(
    value: str, stopping: tuple[str, ...]
) -> None:
    after = Switch(True, stopping).value_after(value)

    assert after == "all" or stopped(after) == stopped(value) | set(stopping)
    assert (after == "all") == (not stopping or value == "all")


@given(values, groups)
def test_after_a_start_exactly_its_groups_are_not_stopped(
    value: str, starting: tuple[str, ...]
) -> None:
    if starting and value == "all":
        with pytest.raises(CommandError, match="none can be started by itself"):
            Switch(False, starting).value_after(value)
        return
    after = Switch(False, starting).value_after(value)
    assert stopped(after) == (stopped(value) - set(starting) if starting else set())


@given(st.dictionaries(st.sampled_from("ABC"), st.text()), groups)
def test_a_start_gives_back_what_was_before_a_stop(
    variables: dict[str, str], stopping: tuple[str, ...]
) -> None:
    before = state(environmentVariables=variables)
    after = Switch(False).applied(Switch(True, stopping).applied(before))

    assert after.is_same_as(before)


@given(st.dictionaries(secret_names, secrets), st.dictionaries(secret_names, secrets))
def test_nothing_of_a_secret_is_shown(before: dict[str, str], after: dict[str, str]) -> None:
    rows = setting_rows(state(environmentVariables=before), state(environmentVariables=after))
    shown = [text for row in rows for text in (row.before, row.after)]

    assert set(shown) <= {"none", "(hidden)", "(hidden, another value)"}
    changed = {row.name.removeprefix("variable ") for row in rows if row.is_change}
    assert changed == {name for name in {*before, *after} if before.get(name) != after.get(name)}


@pytest.mark.parametrize("url", ["http://user:password@proxy", "user:password@proxy:80"])
def test_a_user_in_a_url_is_not_shown(url: str) -> None:
    variables = {"SCALEIN_ESS_ENDPOINT": url}
    [row] = setting_rows(None, state(environmentVariables=variables))

    assert row.after == "(hidden)"


def test_a_plain_setting_is_shown() -> None:
    [row] = setting_rows(None, state(environmentVariables={"SCALEIN_DRY_RUN": "true"}))

    assert row.after == "true"


@given(st.text(max_size=100), st.text(max_size=100))
def test_two_values_that_differ_are_never_shown_as_the_same(before: str, after: str) -> None:
    rows = setting_rows(
        state(environmentVariables={"SCALEIN_STOP": f"{'-' * 80}{before}"}),
        state(environmentVariables={"SCALEIN_STOP": f"{'-' * 80}{after}"}),
    )

    assert rows[0].is_change == (before != after)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (state(), state("2"), False),
        (state(timeout=60), state(timeout=61), False),
        (state(role=""), state(), True),
        (state(vpcConfig={"vpcId": "", "vSwitchIds": []}), state(), True),
        (state(vpcConfig={"vpcId": "vpc-1"}), state(vpcConfig={"vpcId": ""}), False),
        (state(internetAccess=False), state(), False),
        (state(layers=[]), state(layers=["acs:fc:layer"]), False),
    ],
)
def test_an_absent_setting_equals_an_empty_one(
    one: FunctionState, other: FunctionState, is_same: bool
) -> None:
    assert one.is_same_as(other) == other.is_same_as(one) == is_same


class Silent:
    """A function whose API never answers."""

    address = "scale-in"

    def read(self, _qualifier: str) -> None:
        raise NoAnswer("ConnectTimeout")

    def aliases(self) -> None:
        raise NoAnswer("ConnectTimeout")


@pytest.mark.parametrize(("is_on", "done"), [(True, "stopped"), (False, "started")])
def test_where_nothing_could_be_switched_the_message_says_so(is_on: bool, done: str) -> None:
    function: Any = Silent()
    with pytest.raises(CommandError) as caught:
        set_switch(function, Switch(is_on), lambda _: None)

    assert f"Nothing was {done}. Run the command again." in caught.value.message
    assert "the rest is" not in caught.value.message
