"""What imports left out: rows that were rejected are not in the log, but must be explained."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from tailorbird.ingest.checks.findings import Example, Finding, note, percent, warning
from tailorbird.ingest.receipts import Receipt

_COST: Final[Mapping[str, str]] = {
    "events": "What these rows would have told is missing: their people have a shorter history.",
    "items": "What these rows would have told is missing: their items have no description, or the one of before.",
    "users": "What these rows would have told is missing: nothing new is known of their users.",
    "identities": "What these rows would have told is missing: their devices and users stay two people.",
}
_MEND: Final = "Mend them and import the file again: only they will be added."
_OF: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("missing_field", "user_id"): (
        "Rows without a person are guests at the checkout, as a rule: nothing can be learned about them, and what they "
        "bought counts in no model, popular included.",
        "Where another column names them (an order, a session, a card), map it to user_id or anonymous_id.",
    ),
    ("conflicting_event", ""): (
        "The same event_id came with other content; the first stays, and what the other says is lost to every model.",
        "Check who gives ids out: an order's number names the order, and not each of its lines.",
    ),
}
"""What it costs and what mends it, by code and missing field."""


def findings(receipts: Sequence[Receipt]) -> Iterator[Finding]:
    """Of the newest import of each file; what left out the largest share of one comes first."""
    left_out = [(receipt, reason) for receipt in receipts for reason in receipt.report.reasons]
    for receipt, reason in sorted(left_out, key=lambda one: -one[1].count / one[0].report.rows):
        n_rows = receipt.report.rows
        cost, hint = _OF.get((reason.code, reason.field)) or (_COST[receipt.kind], _MEND)
        yield warning(
            f"import_{reason.code}",
            f"{reason.count:,} of {n_rows:,} rows ({percent(reason.count, n_rows)}) of {receipt.name} "
            f"({receipt.kind}) were left out: {reason.code}{f' ({reason.field})' if reason.field else ''}.",
            cost=cost,
            hint=hint,
            rows=[Example(0, note=told) for told in reason.examples],
        )
    for receipt in receipts:
        report = receipt.report
        if receipt.kind == "events" and report.duplicates:
            yield note(
                "import_duplicates",
                f"{report.duplicates:,} of {report.rows:,} rows of {receipt.name} were in the log already.",
                cost="None: an event counts once, however often it comes.",
                hint="Nothing, where the file was imported again. Where it was new, its event_ids are not unique.",
            )
