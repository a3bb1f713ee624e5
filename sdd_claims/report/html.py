"""`index.html`: the whole report in one file that opens from disk and asks nothing of a network."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from markupsafe import Markup

from sdd_claims.curves import DENSITY
from sdd_claims.report import calibration, forest, history, sentences
from sdd_claims.report.axes import Axes
from sdd_claims.report.claims_json import CharacteristicsEntry, ClaimEntry, ClaimsDocument
from sdd_claims.report.figures import panel
from sdd_claims.report.history import Earlier, Verdicts
from sdd_claims.report.inline_svg import Classes
from sdd_claims.report.lines import CurveSource, Line, gather
from sdd_claims.report.names import curve_names, owner, window_name
from sdd_claims.report.of_what import Phases, of_what, phase_of, phases_of
from sdd_claims.report.otherwise import otherwise
from sdd_claims.report.power_curve import power_curve
from sdd_claims.report.references import address, as_bibtex, references
from sdd_claims.report.templating import environment
from sdd_claims.storage.memo import result_of


@dataclass(frozen=True, slots=True)
class Panels:
    """A claim and its control on the same axes.

    Attributes:
        axis: axis of the levels.
        claim: the judged curves, None where none could be read.
        control: the control's, likewise.
        windows: whether any is shown.
        barred: whether any is of one curve alone.
    """

    axis: str
    claim: Markup | None
    control: Markup | None
    windows: bool
    barred: bool


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim as its section of the page needs it.

    Attributes:
        claim: its entry.
        anchor: its id in the page.
        panels: the figures, one for each axis of the curves.
        shared: the words that all curves share, left out of the labels in both figures.
        missing: a sentence for each curve that could not be read.
        distance: from the margin, in standard deviations over seeds; None where it is not known.
        forest: the same with its interval, drawn.
        of_what: what its effect is of; empty where its rule does not say.
        otherwise: what would have led to another verdict.
        address: where its paper can be read; empty where we know of no place.
        bibtex: its paper as one cites it; empty for a claim of no paper of ours.
        earlier: what earlier runs said of it, the oldest first.
        elsewhere: what is known of it beyond this run; empty for nothing.
    """

    claim: ClaimEntry
    anchor: str
    panels: tuple[Panels, ...]
    shared: str
    missing: tuple[str, ...]
    distance: float | None
    forest: Markup
    of_what: str
    otherwise: str
    address: str
    bibtex: str
    earlier: Sequence[Earlier]
    elsewhere: str


def to_html(
    document: ClaimsDocument,
    source: CurveSource,
    remark: str | None = None,
    earlier: Verdicts | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> str:
    """Return the page: summary, verdict table, claims with their figures, how to read them, calibration, environment.

    The same document, curves and earlier verdicts give the same bytes.

    Args:
        document: the run's claims.json.
        source: gives its curves.
        remark: what a reader should know of the evidence.
        earlier: what earlier runs said of its claims.
        elsewhere: what is known of its claims beyond this run, by their `history.key`; None where it is not published.
    """
    measured, classes = document["calibration"], Classes()
    registered, questions, unregistered = (
        _views(
            chosen(document["claims"]), source, classes, phases_of(document["claims"]), earlier or {}, elsewhere or {}
        )
        for chosen in (sentences.registered, sentences.exploratory, sentences.unregistered)
    )
    characteristics = [
        (each, classes.instead(_power_of_a_mean(each, document))) for each in document.get("characteristics", [])
    ]
    page = (
        environment(autoescape=True)
        .get_template("report.html.j2")
        .render(
            document=document,
            summary=[*sentences.summary(document), *filter(None, [remark])],
            views=registered,
            questions=questions,
            unregistered=unregistered,
            figure_rules=classes.rules,
            calibration=measured,
            sizes=calibration.size_table(measured) if measured else None,
            powers=calibration.power_table(measured) if measured else None,
            forest_axis=forest.axis(),
            repetitions=calibration.repetitions(measured) if measured else None,
            characteristics=characteristics,
            published=elsewhere is not None,
        )
    )
    return _sealed(page)


def _power_of_a_mean(measured: CharacteristicsEntry, document: ClaimsDocument) -> Markup:
    """Power against effect, with ticks where the claims of a tier lie."""
    distances = [forest.distance(claim) for claim in document["claims"] if claim["tier"] == measured["tier"]]
    power = {tuple(each["looks"]): each["chances"] for each in measured["power"]}
    ticks = sorted(abs(each.value) for each in distances if each)
    return power_curve(measured["effects"], power, ticks, f"mean-power-{measured['tier']}")


def _sealed(page: str) -> str:
    """The page with a policy that lets a browser apply this style sheet and run this script, and nothing else."""

    def digest(tag: str) -> str:
        content = page[page.index(f"<{tag}>") + len(tag) + 2 : page.index(f"</{tag}>")]
        return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"

    rules = f"default-src 'none'; img-src data:; style-src {digest('style')}; script-src {digest('script')}"
    policy = f"<meta http-equiv=\"Content-Security-Policy\" content=\"{rules}; base-uri 'none'; form-action 'none'\">"
    return page.replace('<meta charset="utf-8">', f'<meta charset="utf-8">\n{policy}', 1)


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of a claim and its control along one axis.

    Attributes:
        claim: the judged curves.
        control: those of the control.
        windows: the registered windows, by name.
        axes: shared by both.
    """

    claim: tuple[Line, ...]
    control: tuple[Line, ...]
    windows: Mapping[str, Sequence[float]]
    axes: Axes


def view(
    claim: ClaimEntry,
    source: CurveSource,
    classes: Classes,
    phases: Phases,
    earlier: Sequence[Earlier] = (),
    elsewhere: str = "",
) -> ClaimView:
    """Draw a claim and its control on the same axes, their styles added to the classes of the page."""
    anchor = _anchor(claim)
    found, shared, missing = drawings(claim, source, phases)
    panels, distance = tuple(_panels(each, _salt(anchor, each), classes) for each in found), forest.distance(claim)
    paper = references()["papers"].get(claim["paper"])
    return ClaimView(
        claim=claim,
        anchor=anchor,
        panels=panels,
        shared=shared,
        missing=missing,
        distance=distance.value if distance else None,
        forest=forest.row(claim),
        of_what=of_what(claim, phases),
        otherwise=otherwise(claim, phases),
        address=address(paper) if paper else "",
        bibtex=as_bibtex(claim["paper"], paper) if paper else "",
        earlier=earlier,
        elsewhere=elsewhere,
    )


def claim_panel(claim: ClaimEntry, drawing: Drawing) -> Markup:
    """The curves of the claim alone (at least one), as they stand in the page."""
    salt = f"{_salt(_anchor(claim), drawing)}-claim"
    return panel(drawing.claim, drawing.windows, drawing.axes, salt=salt)


def drawings(
    claim: ClaimEntry, source: CurveSource, phases: Phases | None = None
) -> tuple[tuple[Drawing, ...], str, tuple[str, ...]]:
    """The drawings of a claim, one for each axis; the words that all curves share; a sentence for each missing one.

    Args:
        claim: its entry.
        source: gives its curves.
        phases: names for windows that the claim calls by their edges.
    """
    judged, control = gather(claim["runs"], source), gather(claim["control"]["runs"], source)
    missing = (*judged.missing, *control.missing)
    ours, theirs = (_worth_drawing(found.lines) for found in (judged, control))
    if not (ours or theirs):
        return (), "", missing
    ours, theirs, shared = curve_names(ours, theirs)
    axes = dict.fromkeys(line.curve.axis for line in (*ours, *theirs))
    return tuple(_along(claim, ours, theirs, axis, phases or {}) for axis in axes), shared, missing


def _views(
    claims: Sequence[ClaimEntry],
    source: CurveSource,
    classes: Classes,
    phases: Phases,
    earlier: Verdicts,
    elsewhere: Mapping[str, str],
) -> list[ClaimView]:
    """The claims, paper by paper."""
    return [
        view(claim, source, classes, phases, earlier.get(key, ()), elsewhere.get(key, ""))
        for of_paper in sentences.by_paper(claims).values()
        for claim in of_paper
        for key in [history.key(claim)]
    ]


def _worth_drawing(lines: Sequence[Line]) -> list[Line]:
    """Leave out the positions themselves, which a rule reads where it pays for the weights that are left."""
    return [line for line in lines if line.measure != line.curve.axis]


def _along(claim: ClaimEntry, judged: Sequence[Line], control: Sequence[Line], axis: str, phases: Phases) -> Drawing:
    ours, theirs = (tuple(line for line in lines if line.curve.axis == axis) for lines in (judged, control))
    of_windows = claim.get("window_axes", {})
    laid = {
        name: (low, high) for name, (low, high) in claim["windows"].items() if of_windows.get(name, DENSITY) == axis
    }
    names = {name: window_name(name, *edges, axis, phase_of(claim, *edges, phases)) for name, edges in laid.items()}
    alike = Counter(names.values())
    windows = {
        names[name] if alike[names[name]] == 1 else window_name(name, *edges, axis): edges
        for name, edges in laid.items()
    }
    return Drawing(ours, theirs, windows, Axes.around([*ours, *theirs]))


def _panels(drawing: Drawing, salt: str, classes: Classes) -> Panels:
    axes, windows = drawing.axes, drawing.windows
    claim_figure, control_figure = (
        classes.instead(Markup(result_of(_drawn, lines, windows, axes, f"{salt}-{name}"))) if lines else None
        for name, lines in (("claim", drawing.claim), ("control", drawing.control))
    )
    barred = any(owner(name, tuple(axes.styles))[0] for name in windows)
    return Panels(axes.axis, claim_figure, control_figure, bool(windows), barred)


def _drawn(lines: Sequence[Line], windows: Mapping[str, Sequence[float]], axes: Axes, salt: str) -> str:
    return str(panel(lines, windows, axes, salt=salt))


def _anchor(claim: ClaimEntry) -> str:
    parts = filter(None, (claim["tier"], claim["id"], sentences.network(claim)))
    return re.sub(r"[^\w-]+", "-", "-".join(parts))


def _salt(anchor: str, drawing: Drawing) -> str:
    axis = drawing.axes.axis
    return anchor if axis == DENSITY else f"{anchor}-{axis.replace(' ', '-')}"
