"""A number and the currency beside it."""

from typing import Any

import pytest

from tailorbird.errors import BadInput
from tailorbird.ingest.money import part_money


def parted(price: Any, *, decimal: str = ".", currency: str = "EUR", **more: Any) -> dict[str, Any]:
    record = {"price": price, **more}
    part_money(record, "items", decimal=decimal, currency=currency)
    return record


@pytest.mark.parametrize(
    ("sent", "decimal", "price", "currency"),
    [
        ("18,00 EUR", ",", "18.00", "EUR"),
        ("EUR 1.234,50", ",", "1234.50", "EUR"),
        ("12.50 usd", ".", "12.50", "USD"),
        ("€12.50", ".", "12.50", "EUR"),
        ("12,5\u00a0€", ",", "12.5", "EUR"),
        ("99 zł", ".", "99", "PLN"),
        ("-3 GBP", ".", "-3", "GBP"),
    ],
)
def test_a_code_or_a_sign_beside_a_number_becomes_the_currency(
    sent: str, decimal: str, price: str, currency: str
) -> None:
    assert parted(sent, decimal=decimal) == {"price": price, "currency": currency}


@pytest.mark.parametrize(
    "sent", ["12,50 EUR", "10 pcs", "EUR 10 EUR", "EUR", "12.50", 12.5, None, "1.2.3 EUR", "ten EUR"]
)
def test_what_is_no_number_beside_a_currency_stays_as_it_is(sent: Any) -> None:
    assert parted(sent) == {"price": sent}


def test_the_row_may_name_the_same_currency_but_no_other() -> None:
    assert parted("12.50 EUR", currency="USD", list_price="13 EUR")["list_price"] == "13"
    record = {"price": "12.50 EUR", "currency": "eur"}
    part_money(record, "items", decimal=".", currency="USD")
    assert record == {"price": "12.50", "currency": "eur"}
    with pytest.raises(BadInput, match=r"price is '12.50 EUR', but currency is 'USD'"):
        part_money({"price": "12.50 EUR", "currency": "USD"}, "items", decimal=".", currency="EUR")
    with pytest.raises(BadInput, match=r"list_price is '13 USD', but currency is 'EUR'"):
        parted("12.50 EUR", list_price="13 USD")


def test_a_sign_of_several_currencies_is_settled_by_the_row_or_the_shop_and_never_guessed() -> None:
    assert parted("$5", currency="CAD")["currency"] == "CAD"
    record = {"price": "$5", "currency": "AUD"}
    part_money(record, "items", decimal=".", currency="EUR")
    assert record["currency"] == "AUD"
    with pytest.raises(BadInput, match=r"'\$5', a sign of several currencies \(USD, .*catalogue.currency"):
        parted("$5", currency="EUR")


def test_the_value_of_an_event_is_money_too() -> None:
    record = {"value": "5,00 €", "price": "2,50 €"}
    part_money(record, "events", decimal=",", currency="EUR")
    assert record == {"value": "5.00", "price": "2.50", "currency": "EUR"}
