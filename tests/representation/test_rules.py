from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.actor import Principal
from app.kernel.errors import ActingForAnother, IllegalMove, InvalidInput, Refusal
from app.representation.errors import (
    CompanyNameInvalid,
    CreditCodeInvalid,
    NotAChild,
    NotOfAge,
    OutsideMandate,
    ProxyNotAllowed,
)
from app.representation.rules import (
    CLAIM_LIFE,
    LIFE,
    MOST_ITEMS,
    Basis,
    ClaimState,
    MandateState,
    age_on,
    check_child,
    check_company_name,
    check_credit_code,
    check_item_choice,
    check_mandate_end,
    check_may_apply,
    check_of_age,
    check_person,
    check_reason,
    comes_of_age_on,
    next_basis,
    standing_of,
)

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""GB 32100: without I, O, S, V and Z."""

NOW = datetime(2026, 11, 25, 4, tzinfo=UTC)
births = st.dates(date(1890, 1, 1), date(2026, 1, 1))


def check_character(first: str) -> str:
    """GB 32100 by its own words: weights are the powers of 3 modulo 31."""
    total = sum(ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(first))
    return ALPHABET[(31 - total % 31) % 31]


def made_up(chance: random.Random) -> str:
    first = chance.choice("123456789ANY") + chance.choice("123456789")
    first += "".join(chance.choices("0123456789", k=6)) + "".join(chance.choices(ALPHABET, k=9))
    return first + check_character(first)


def accepted(text: str) -> str | None:
    try:
        return check_credit_code(text)
    except CreditCodeInvalid:
        return None


@pytest.mark.parametrize(
    "code",
    ["91110000600037341L", "11440100007482575H", "11100000000013338W", "11110000000021135M"],
)
def test_codes_of_public_bodies_and_companies_are_accepted(code: str) -> None:
    assert check_credit_code(code) == code


@pytest.mark.parametrize("text", [" 91110000600037341l\n", "９１１１００００６０００３７３４１Ｌ"])
def test_a_code_is_understood_however_it_was_typed(text: str) -> None:
    assert check_credit_code(text) == "91110000600037341L"


def test_what_villages_and_others_register_is_accepted() -> None:
    """Managing bodies A, N and Y: a library that wants eight digits in front refuses them."""
    for first in ("N2", "Y1", "A1"):
        code = f"{first}990102MA0000000"
        assert accepted(code + check_character(code)) is not None


def test_ten_thousand_made_up_codes_are_accepted_and_none_with_another_check_character() -> None:
    chance = random.Random(32100)  # noqa: S311 - the same codes at every run
    for _ in range(10_000):
        code = made_up(chance)
        assert accepted(code) == code
        wrong = chance.choice([char for char in ALPHABET + "IOSVZ" if char != code[-1]])
        assert accepted(code[:-1] + wrong) is None


def test_ten_thousand_mutated_codes_are_accepted_only_with_the_right_check_character() -> None:
    """Typing slips, letters the standard leaves out, other scripts, control characters: a refusal, never a bug."""
    chance = random.Random(11714)  # noqa: S311 - the same codes at every run
    strange = ALPHABET + "IOSVZabcxyz -·\x00\n०٣ⅨｅＬß\U0001f600é中"
    for _ in range(10_000):
        text = list(made_up(chance))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(text) + 1)
            match chance.randrange(4):
                case 0 if place < len(text):
                    text[place] = chance.choice(strange)
                case 1:
                    text.insert(place, chance.choice(strange))
                case 2 if place < len(text):
                    del text[place]
                case _ if place + 1 < len(text):
                    text[place], text[place + 1] = text[place + 1], text[place]
        code = accepted("".join(text))
        if code is not None:
            assert len(code) == 18
            assert set(code) <= set(ALPHABET)
            assert code[-1] == check_character(code[:-1])


@given(st.text(max_size=40))
@settings(max_examples=500)
def test_no_text_at_all_is_a_bug(text: str) -> None:
    accepted(text)


@given(st.text(max_size=140))
def test_a_company_name_is_refused_or_kept_whole(text: str) -> None:
    try:
        name = check_company_name(text)
    except CompanyNameInvalid:
        return
    assert 2 <= len(name) <= 120
    assert name.isprintable()


def test_company_names_as_licences_have_them() -> None:
    for name in ("测试(云澜)有限公司", "测试·科技2026合伙企业(有限合伙)", "Ceshi Trading Co., Ltd."):
        assert check_company_name(f" {name} ") == name
    for text in ("", "测", "12", "测试\n公司", "测" * 121):
        with pytest.raises(CompanyNameInvalid):
            check_company_name(text)


@given(births)
def test_somebody_is_of_age_from_the_day_they_come_of_age(born: date) -> None:
    day = comes_of_age_on(born)
    assert age_on(born, day) == 18
    assert age_on(born, day - timedelta(days=1)) == 17
    check_of_age(born, day)
    check_child(born, day - timedelta(days=1))
    with pytest.raises(NotAChild):
        check_child(born, day)
    with pytest.raises(NotOfAge):
        check_of_age(born, day - timedelta(days=1))


def test_who_was_born_on_a_leap_day_comes_of_age_on_the_first_of_march() -> None:
    assert comes_of_age_on(date(2008, 2, 29)) == date(2026, 3, 1)
    assert comes_of_age_on(date(2008, 11, 25)) == date(2026, 11, 25)


def test_a_mandate_lasts_a_year_and_two_at_most() -> None:
    assert check_mandate_end(None, NOW) == NOW + timedelta(days=365)
    assert check_mandate_end(NOW + timedelta(days=730), NOW) == NOW + timedelta(days=730)
    for until in (NOW, NOW - timedelta(seconds=1), NOW + timedelta(days=730, seconds=1)):
        with pytest.raises(InvalidInput) as refused:
            check_mandate_end(until, NOW)
        assert refused.value.field == "until"


def test_items_are_all_or_some_but_never_none() -> None:
    assert check_item_choice(None) is None
    assert check_item_choice(["b", "a", "b"]) == ["a", "b"]
    for items in ([], [str(number) for number in range(MOST_ITEMS + 1)]):
        with pytest.raises(InvalidInput):
            check_item_choice(items)


def test_a_reason_has_a_text_of_some_length() -> None:
    assert check_reason(" 材料不齐 ") == "材料不齐"
    for text in ("", "  ", "长" * 201):
        with pytest.raises(InvalidInput):
            check_reason(text)


def test_a_refused_card_says_whose_it_was() -> None:
    for name, number, field in (
        ("测", "110101194912270002", "agent.name"),
        ("测试居民", "110101194912270009", "agent.idNumber"),
    ):
        with pytest.raises(Refusal) as refused:
            check_person(name, number, date(2026, 1, 1), "agent")
        assert refused.value.field == field


def test_what_ran_out_has_expired_whether_or_not_it_says_so() -> None:
    live = MandateState.IN_FORCE
    assert standing_of(live, None, NOW) is live
    assert standing_of(live, NOW + timedelta(seconds=1), NOW) is live
    assert standing_of(live, NOW, NOW) is MandateState.EXPIRED
    assert standing_of(MandateState.REVOKED, NOW, NOW) is MandateState.REVOKED


def test_what_is_over_never_comes_back() -> None:
    for state in set(MandateState) - {MandateState.IN_FORCE}:
        assert LIFE.verbs_from(state) == ()
    for claim in set(ClaimState) - {ClaimState.PENDING}:
        with pytest.raises(IllegalMove):
            CLAIM_LIFE.next_state(claim, "confirm")


def principal(basis: Basis, items: frozenset[str] | None = None) -> Principal:
    return Principal(uuid4(), uuid4(), basis, items)


def test_only_oneself_and_a_legal_representative_appoint_agents() -> None:
    assert next_basis(None) is Basis.PROXY
    assert next_basis(principal(Basis.LEGAL_REPRESENTATIVE)) is Basis.AUTHORISED_AGENT
    for basis in (Basis.GUARDIAN, Basis.PROXY, Basis.AUTHORISED_AGENT):
        with pytest.raises(ActingForAnother):
            next_basis(principal(basis))


@given(
    basis=st.sampled_from(list(Basis)),
    items=st.none() | st.frozensets(st.sampled_from(["a", "b", "c"])),
    item=st.sampled_from(["a", "b", "c"]),
    proxy_allowed=st.booleans(),
)
def test_an_agent_may_apply_for_what_is_named_and_a_proxy_for_what_allows_it(
    basis: Basis, items: frozenset[str] | None, item: str, proxy_allowed: bool
) -> None:
    may = (items is None or item in items) and (proxy_allowed or basis is not Basis.PROXY)
    try:
        check_may_apply(principal(basis, items), item, "事项", proxy_allowed=proxy_allowed)
    except (OutsideMandate, ProxyNotAllowed):
        assert not may
    else:
        assert may
    check_may_apply(None, item, "事项", proxy_allowed=proxy_allowed)
