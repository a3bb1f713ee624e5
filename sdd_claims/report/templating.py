"""The Jinja environments: the same words for people in HTML and in Markdown."""

import re
from collections.abc import Callable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from sdd_claims.report import calibration, deciding, numbers, sentences

_FILTERS: tuple[Callable[..., object], ...] = (
    numbers.amount,
    numbers.count,
    numbers.duration,
    numbers.effect,
    numbers.energy,
    numbers.interval,
    numbers.interval_level,
    numbers.mass,
    numbers.per_ten_thousand,
    numbers.percent,
    numbers.plain,
    numbers.probability,
    numbers.seed_list,
    numbers.tflop,
    sentences.again,
    sentences.by_paper,
    sentences.column,
    sentences.control,
    sentences.evidence,
    sentences.exploratory,
    sentences.foreseen,
    sentences.headline,
    sentences.is_exploratory,
    sentences.is_borderline,
    sentences.is_surprise,
    sentences.is_yours,
    sentences.lead,
    sentences.looks,
    sentences.measured,
    sentences.network,
    sentences.number_of_seeds,
    sentences.of_paper,
    sentences.paper_tally,
    sentences.registered,
    sentences.repeats,
    sentences.robustness,
    sentences.ruling,
    sentences.seeds,
    sentences.seeds_beyond,
    sentences.short_title,
    sentences.shown_level,
    sentences.shown_p,
    sentences.spared,
    sentences.trained,
    sentences.unregistered,
    sentences.verdict,
    sentences.verdict_word,
    sentences.why,
    calibration.exceeds,
    deciding.margin,
)


@cache
def environment(*, autoescape: bool) -> Environment:
    """Return the environment over `templates/` whose filters write numbers and sentences for people.

    A name that a template misspells is an error, never a blank.
    """
    jinja = Environment(
        loader=PackageLoader("sdd_claims.report", "templates"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters.update({function.__name__: function for function in (*_FILTERS, prose)})
    jinja.globals.update(
        BASES=sentences.BASES, PROXY=sentences.PROXY, BORDERLINE=sentences.BORDERLINE, ABSENT=numbers.ABSENT
    )
    return jinja


def prose(text: str) -> str:
    """Make text literal in Markdown and safe in a table cell."""
    return re.sub(r"([\\`*_\[\]<>|])", r"\\\1", " ".join(text.splitlines()))
