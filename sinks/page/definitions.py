"""What each figure on the page means: its name and its definition, as people read them on hover or focus.

A figure that is a column of a view or table has that column's comment from ClickHouse, so that the two can't differ;
the others are worded after docs/definitions.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sinks.clickhouse import ClickHouse
from sinks.page.queries import COMMENTS, FUNNEL_WINDOW_DAYS, MORE, STEPS_SHOWN

_RATE = "A rate of this period divides what happened in it"
_CREDIT = "Credits of a conversion add up to 1; touches that began more than 30 days before it earn nothing"


class FromColumn(NamedTuple):
    """A definition that is a column's comment, up to its first semicolon, names as words, and what is said besides."""

    name: str
    column: str
    besides: str = ""


class Written(NamedTuple):
    """A definition in words of its own."""

    name: str
    text: str


_RATE_NAMES: Final = {
    "delivery_rate": "E-mail delivery rate",
    "open_rate": "E-mail open rate",
    "click_through_rate": "E-mail click-through rate",
    "click_to_open_rate": "E-mail click-to-open rate",
    "unsubscribe_rate": "E-mail unsubscribe rate",
    "push_click_rate": "Push click rate",
    "social_engagement_rate": "Social engagement rate",
}
#: Metrics of metric_definitions, in the order of the queries.
RATES: Final = (*_RATE_NAMES, "bounce_rate", "answered_share", "answered_share_hour")
_MODEL_NAMES: Final = {
    "first": "First touch",
    "last": "Last touch",
    "last_non_direct": "Last non-direct",
    "linear": "Linear",
    "position": "Position",
    "j_shaped": "J-shaped",
    "inverse_j": "Inverse J",
    "time_decay": "Time decay",
}
_RUN = "From the newest run of omnijourney attribute over just these days"
_DEFINITIONS: Final[dict[str, FromColumn | Written]] = {
    "active_customers": Written(
        "Active customers",
        "Different customers with at least one inbound touchpoint not judged a machine's: humans and suspects. A"
        " customer is who it is known to be now: what several devices and addresses of one person did counts once",
    ),
    "new_customers": Written(
        "New customers", "Customers whose first visit, the beginning of their first journey, lies in the period"
    ),
    "conversions": Written(
        "Conversions", "Journeys that a closing conversion (a purchase) ended in the period. An order counts once"
    ),
    "revenue": Written(
        "Revenue", "Value of the closing conversions of the period. Currencies are never added up, so each stands alone"
    ),
    "human_share": Written(
        "Human share",
        "Inbound touchpoints judged human / all inbound ones: of humans, suspects and machines. Each is counted apart",
    ),
    "change": Written(
        "Change",
        "Against the period of as many days just before. Shares change by percentage points (pp). None is given where"
        " the touchpoints do not reach back that far",
    ),
    "touchpoints": FromColumn("Touchpoints", "engagement_daily.human_inbound"),
    "outbound": FromColumn("Outbound", "engagement_daily.outbound"),
    "engaged_hours": FromColumn("Engaged hours", "engagement_daily.human_engaged_seconds", "Here in hours"),
    "reported_conversions": FromColumn(
        "Conversions reported",
        "engagement_daily.human_conversions",
        "Goals such as a newsletter are among them, and an order that is reported twice counts twice",
    ),
    "machine_share": Written(
        "Machine share", "Share of machines among inbound touchpoints: 1 - human share - suspects"
    ),
    **{
        rate: FromColumn(name, f"engagement_by_campaign.{rate}", f"Humans only. {_RATE}")
        for rate, name in _RATE_NAMES.items()
    },
    "bounce_rate": FromColumn("Web bounce rate", "sessions_daily.bounce_rate", "Sessions that began in the period"),
    "answered_share": FromColumn(
        "Service answered share",
        "first_response_daily.answered_share",
        "Threads (calls, chats, letters) of the service channel that customers started in the period",
    ),
    "answered_share_hour": FromColumn(
        "Service answered within an hour", "first_response_daily.answered_share_hour", "Threads as before"
    ),
    "journeys": Written(
        "Journeys",
        "One customer's inbound touchpoints with gaps of at most 30 days, closed by a closing conversion. Those of a"
        " period are those whose last touchpoint so far lies in it",
    ),
    "conversion_rate": Written("Conversion rate", "Journeys that converted / journeys; one without may still go on"),
    "path": Written("Path", "Marketing channels of a journey's visits in order, consecutive repeats written once"),
    "steps": Written(
        "Steps",
        "Marketing channels of a journey's visits in order, consecutive repeats written once. Channels beside the"
        f" commonest are together as Other; what follows step {STEPS_SHOWN} is {MORE}",
    ),
    "median_time": Written(
        "Median time", "From the first touchpoint to the conversion: half of the journeys took less, half took more"
    ),
    "credit": Written(
        "Credit", f"Share of a conversion that a touch (a visit, or its part in the journey) earned. {_CREDIT}"
    ),
    **{
        f"model_{model}": FromColumn(name, f"journey_touches.credit_{model}", _CREDIT)
        for model, name in _MODEL_NAMES.items()
    },
    **{
        f"model_markov_{order}": Written(
            f"Markov {order}",
            "Data-driven: the share of conversions that would be lost without the channel, by a chain of order"
            f" {order}, beside the other channels'. {_RUN}",
        )
        for order in (1, 2, 3)
    },
    "model_shapley": Written(
        "Shapley", f"Data-driven: each conversion shared equally among the different channels of its journey. {_RUN}"
    ),
    "marketing_channel": FromColumn(
        "Marketing channel", "touchpoints.marketing_channel", "Here that of the visit which earned the credit"
    ),
    "campaign": FromColumn("Campaign", "journey_touches.campaign", "Beside the most credited ones they are together"),
    "cohort": Written("Cohort", "Customers whose first session began in the same week (from Monday) or month"),
    "retention": Written("Retention", "Share of the cohort who had a session so many weeks or months later"),
    "funnel": Written(
        "Funnel",
        f"Customers who took the steps in this order, all within {FUNNEL_WINDOW_DAYS} days of their first, on any"
        " channel, each later than the one before. A visit is any inbound touchpoint on the web or in the app beside"
        " answers to push messages; it may also be the next step, as where somebody lands on a product's page",
    ),
    "of_step_before": Written("Of the step before", "Customers who took this step / those who took the one before"),
    "of_first": Written("Of the first step", "Customers who took this step / those who took the first"),
    "accepted": Written("Accepted", "Touchpoints in the tables: valid, new, and not late"),
    "duplicate": Written(
        "Duplicates", "Records of a touchpoint that is there already, with equal content; counted once"
    ),
    "late": Written(
        "Late",
        "Touchpoints more than 3 days behind the newest of their topic and partition, not marked as backfill. They are"
        " kept apart and count in no figure",
    ),
    "dead": Written("Dead letters", "Records that could not be taken, kept with the reason and their original bytes"),
    "rerouted": Written("Rerouted", "Records sent again to the partition that they belong to; counted there"),
    "newest_event": Written("Newest event", "Event time of the newest touchpoint in the tables, UTC"),
    "newest_receipt": FromColumn("Newest receipt", "touchpoints.received_at"),
}


def definitions(client: ClickHouse) -> dict[str, dict[str, str]]:
    """Name and text of each, by id. Raises KeyError where a column is gone, errors of `sinks.clickhouse`."""
    columns = [said.column for said in _DEFINITIONS.values() if isinstance(said, FromColumn)]
    comments: dict[str, str] = dict(client.query(COMMENTS, {"columns": columns}))
    return {id_: {"name": said.name, "text": _text(said, comments)} for id_, said in _DEFINITIONS.items()}


def _text(said: FromColumn | Written, comments: dict[str, str]) -> str:
    if isinstance(said, Written):
        return f"{said.text}."
    comment = comments[said.column].split(";")[0].replace("_", " ")
    return f"{comment}. {said.besides}." if said.besides else f"{comment}."
