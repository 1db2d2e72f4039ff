"""The whole page."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, Final, get_args

from humanpose3d.analysis import Analysis
from humanpose3d.language import Translator
from humanpose3d.options import QualityWarning, StageName
from shared.results.key_figures import KeyFigure, headline, key_figures, not_measurable
from shared.results.measured_errors import measured_error
from shared.results.model import RunResults
from shared.results.report.charts import angle_charts, legend
from shared.results.report.markup import Html, element, joined
from shared.results.report.methods import methods
from shared.results.report.tables import errors_table, neutral_stance, statistics_tables
from shared.results.trust import trust

_STYLE: Final = Path(__file__).with_name("style.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_BY_HAND: Final = ("Name or code", "Date of birth", "Examiner")


def report_page(results: RunResults, run: Mapping[str, Any]) -> str:
    """The report of a run; date and versions are taken from `run`, the content of its run.json."""
    angles, sd, t = results.final_angles, results.angle_sd, Translator(results.options.language)
    title = f"Movement analysis: {results.name}"
    body = element(
        "body",
        element("header", element("h1", title), element("p", _date(run["created_at"]), class_="date")),
        element("div", *(element("span", f"{line}: ") for line in _BY_HAND), class_="by-hand"),
        element("p", t(trust(results)), class_="verdict"),
        _section("Summary", _facts(_summary(results))),
        _section("Key figures", *_key_figures(results.analysis, t)) if results.analysis is not None else None,
        _section("Can these numbers be trusted?", _quality(results)),
        _section("Joint angles", element("p", "Degrees over seconds."), legend(sd is not None)),
        angle_charts(angles, sd),
        _section(
            "Statistics",
            element("p", "Over the frames in which an angle is known. Range: greatest − least (range of motion)."),
            statistics_tables(angles),
        ),
        _section("Neutral stance", *neutral_stance(results.neutral_stance)) if results.neutral_stance else None,
        _section("Methods", methods(results, run["versions"].get("humanpose3d", ""))),
        _section("Options, models and versions", _made_with(run)),
        element(
            "footer",
            "Made by HumanPose3D from one video. Not a medical device: figures are for research and teaching, not for "
            "diagnosis.",
        ),
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(_STYLE.read_text(encoding="utf-8"))),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _section(title: str, *content: Html) -> Html:
    return element("section", element("h2", title), *content)


def _date(created_at: str) -> str:
    moment = datetime.fromisoformat(created_at)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _facts(facts: Mapping[str, str]) -> Html:
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts.items()))


def _summary(results: RunResults) -> dict[str, str]:
    facts, subject = results.video_facts, results.subject
    rate = "varying" if facts.variable_frame_rate else "constant"
    return {
        "Subject": f"{subject.height:.2f} m, {subject.weight:g} kg",
        "Video": f"{results.name}, {facts.codec}",
        "Length": f"{facts.duration_s:.2f} s, {facts.frames} frames",
        "Frame rate": f"{facts.average_fps:.2f} frames/s, {rate}",
        "Image": f"{facts.width} × {facts.height} pixels",
    }


def _key_figures(analysis: Analysis, t: Translator) -> Iterator[Html]:
    yield element("p", headline(analysis, t))
    figures = key_figures(analysis, t)
    if figures:
        head = element("tr", *(element("th", name) for name in ("", "Right", "Left")))
        rows = [_key_row(figure) for figure in figures]
        yield element("table", element("thead", head), element("tbody", *rows), class_="figures")
    yield from (element("p", line) for line in not_measurable(analysis, t))


def _key_row(figure: KeyFigure) -> Html:
    name = element("th", figure.label, scope="row")
    if figure.both is not None:
        return element("tr", name, element("td", figure.both, colspan="2"))
    return element("tr", name, element("td", figure.right or "–"), element("td", figure.left or "–"))


def _quality(results: RunResults) -> Html:
    warnings = list(_warnings(results))
    count = len(warnings)
    verdict = {0: "Nothing stood out while this video was analysed.", 1: "One thing to know before using the numbers."}
    return joined(
        element("p", verdict.get(count, f"{count} things to know before using the numbers."), class_="verdict"),
        element("ul", *(element("li", warning.message) for warning in warnings)) if warnings else None,
        _facts(_measured(results)),
        errors_table(measured_error(results)),
    )


def _warnings(results: RunResults) -> Iterator[QualityWarning]:
    """In the order of the stages."""
    for stage in get_args(StageName):
        if stage in results.reports:
            yield from results.reports[stage].warnings


def _measured(results: RunResults) -> dict[str, str]:
    """Selected figures on the quality of the analysis, as far as they were measured."""
    facts = {name: value for report in results.reports.values() for name, value in report.facts.items()}
    shown = {
        "Person found in": ("detection_rate", 100.0, ".1f", " % of the frames"),
        "Longest gap": ("gap_longest_s", 1.0, ".2f", " s"),
        "Camera, up or down": ("camera_pitch_deg", 1.0, ".0f", "°"),
        "Camera, sideways": ("camera_roll_deg", 1.0, ".0f", "°"),
        "Height without scaling": ("implied_stature_m", 1.0, ".2f", " m"),
    }
    return {
        words: f"{value * factor:{form}}{unit}".replace("-", "−")
        for words, (name, factor, form, unit) in shown.items()
        if isinstance(value := facts.get(name), int | float)
    }


def _made_with(run: Mapping[str, Any]) -> Html:
    options = {name: _option(name, value) for name, value in run["options"].items()}
    return joined(
        _listed("Options", options),
        _listed(
            "Video and models, SHA-256",
            {"video": run["video_sha256"], **dict(sorted(run["models"].items()))},
            "listed wide",
        ),
        _listed("Versions", run["versions"]),
    )


def _option(name: str, value: object) -> str:
    if name.endswith(("_path", "neutral_run")) and isinstance(value, str):
        return PurePath(value).name
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _listed(caption: str, values: Mapping[str, str], style: str = "listed") -> Html:
    rows = [element("tr", element("th", name), element("td", value)) for name, value in values.items()]
    return element("table", element("caption", caption), element("tbody", *rows), class_=style)
