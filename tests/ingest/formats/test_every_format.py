"""What holds for every format, whatever it is sent: a clear refusal or entries, nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailorbird.backends.memory import MemoryLog
from tailorbird.errors import BadInput, UnknownFormat
from tailorbird.ingest.formats import FORMATS, format_of
from tailorbird.ingest.formats.facts import Format
from tailorbird.ingest.formats.reader import FormatReader

NOW = 1_700_000_000.0
NAMES = """
    type event events batch properties products items userId anonymousId user_id timestamp at id item name value sentAt
    originalTimestamp traits context ecommerce params data eventList fields price quantity
    client_id purchase refund transaction_id engagement_time_msec consent page_location 0
    event_name event_timestamp event_params user_pseudo_id key string_value geo
    eventType itemId sessionId impression recommendationId eventId
    user session ranking interaction FeedbackType UserId ItemId Labels IsHidden Value Timestamp Comment
    schema contexts unstruct_event event_id domain_userid collector_tstamp dvce_sent_tstamp dvce_created_tstamp terms
    iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2
    iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0 transaction add_to_cart struct
    unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1
    unstruct_event_com_snowplowanalytics_snowplow_site_search_1
    contexts_com_snowplowanalytics_snowplow_ecommerce_product_1
    contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1
    product_viewed product_added_to_cart cart_viewed collection_viewed checkout_completed clientId productVariant
    cartLine merchandise cart lines cost totalAmount amount collection productVariants checkout lineItems variant order
    init customerPrivacy customer document location href gid://shopify/ProductVariant/4
    availability in_stock sale_price sale_price_effective_date 2024-01-01/2024-01-02 item_group_id product_type link
    google_product_category color
    product variants nodes edges node handle title tags status published_at images src option1 options selectedOptions
    inventory_quantity inventoryItem compare_at_price __parentId body_html Handle sku
"""
WORDS = st.sampled_from(NAMES.split())
EVERY = [pytest.param(form, id=f"{kind}-{form.name}") for kind, forms in FORMATS.items() for form in forms.values()]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=6),
    max_leaves=25,
)


@pytest.mark.parametrize("of", EVERY)
@settings(max_examples=150)
@given(document=TREES)
def test_anything_is_taken_or_refused(of: type[Format], document: Any) -> None:
    form = of()
    reader = FormatReader(form, MemoryLog().current, now=NOW)
    try:
        messages = list(form.messages(document))
    except BadInput:
        return
    for message in messages:
        try:
            taken = reader.read(message)
        except BadInput:
            continue
        else:
            assert len(taken.entries) >= len(taken.events)


def test_a_format_that_is_not_there_is_named_with_the_nearest() -> None:
    assert format_of("native", "events") is None
    with pytest.raises(UnknownFormat, match=r"no format 'segmnt'.*segment"):
        format_of("segmnt", "events")


def test_a_format_of_another_kind_is_sent_to_its_command() -> None:
    with pytest.raises(UnknownFormat, match=r"segment tells of events\. Read it with `tailorbird import events`"):
        format_of("segment", "items")
    with pytest.raises(UnknownFormat, match=r"google-merchant is a catalogue\. Read it with `tailorbird import items`"):
        format_of("google-merchant", "events")


@pytest.mark.parametrize("of", EVERY)
def test_what_is_nested_without_end_is_refused(of: type[Format]) -> None:
    deep: Any = "end"
    for _ in range(900):
        deep = {"a": deep}
    reader = FormatReader(of(), MemoryLog().current, now=NOW)
    for message in (deep, [deep], {"type": "track", "event": "x", "userId": "u", "properties": deep, "context": deep}):
        try:
            reader.read(message)
        except BadInput as error:
            told = str(error)
        else:
            told = ""
        assert len(told) < 500
