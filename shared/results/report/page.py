"""The whole page."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, Final, get_args

from humanpose3d.language import Translator, text
from humanpose3d.options import QualityWarning, StageName
from shared.results.measured_errors import measured_error
from shared.results.model import RunResults
from shared.results.report.charts import angle_charts, legend
from shared.results.report.first_page import first_page
from shared.results.report.markup import Html, element, joined
from shared.results.report.methods import methods
from shared.results.report.tables import errors_table, neutral_stance, statistics_tables

_STYLE: Final = Path(__file__).with_name("style.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(results: RunResults, run: Mapping[str, Any]) -> str:
    """The report of a run in the language of its options; date and versions are taken from `run`, the content of its
    run.json."""
    t = Translator(results.options.language)
    title = t("Movement analysis: {name}", name=results.name)
    body = element(
        "body", _header(title, run["created_at"], t), first_page(results, t), *_following_pages(results, run, t)
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Html(_STYLE.read_text(encoding="utf-8"))),
    )
    return "<!doctype html>\n" + element("html", head, body, lang=t.language) + "\n"


def _header(title: str, created_at: str, t: Translator) -> Html:
    by_hand = (t("Name or code"), t("Date of birth"), t("Examiner"))
    return element(
        "header",
        element(
            "div",
            element("h1", title),
            element(
                "p",
                element("strong", t("Not a medical device")),
                t("For research and teaching, not for diagnosis."),
                class_="purpose",
            ),
            class_="title",
        ),
        element("p", t.date(datetime.fromisoformat(created_at)), class_="date"),
        element("div", *(element("span", f"{line}: ") for line in by_hand), class_="by-hand"),
    )


def _following_pages(results: RunResults, run: Mapping[str, Any], t: Translator) -> Iterator[Html]:
    angles, sd, stance = results.final_angles, results.angle_sd, results.neutral_stance
    yield _section(t("Can these numbers be trusted?"), _quality(results, t))
    yield _section(t("Summary"), _facts(_summary(results, t)))
    yield _section(t("Joint angles"), element("p", t("Degrees over seconds.")), legend(sd is not None, t))
    yield angle_charts(angles, sd, t)
    yield _section(
        t("Statistics"),
        element(
            "p",
            t(
                "Over the frames in which an angle is known. Range: greatest − least (range of motion). Whole "
                "degrees: errors are larger."
            ),
        ),
        statistics_tables(angles, t),
    )
    if stance is not None:
        yield _section(t("Neutral stance"), *neutral_stance(stance, t))
    yield _section(t("Methods"), methods(results, run["versions"].get("humanpose3d", ""), t))
    yield _section(t("Options, models and versions"), _made_with(run, t))


def _section(title: str, *content: Html) -> Html:
    return element("section", element("h2", title), *content)


def _facts(facts: Mapping[str, str]) -> Html:
    return element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts.items()))


def _summary(results: RunResults, t: Translator) -> dict[str, str]:
    facts, subject = results.video_facts, results.subject
    rate = t("varying") if facts.variable_frame_rate else t("constant")
    return {
        t("Subject"): t("{height:.2f} m, {weight:g} kg", height=subject.height, weight=subject.weight),
        t("Video"): f"{results.name}, {facts.codec}",
        t("Length"): t("{seconds:.2f} s, {frames} frames", seconds=facts.duration_s, frames=facts.frames),
        t("Frame rate"): t("{fps:.2f} frames/s, {rate}", fps=facts.average_fps, rate=rate),
        t("Image size"): t("{width} × {height} pixels", width=facts.width, height=facts.height),
    }


def _quality(results: RunResults, t: Translator) -> Html:
    warnings = list(_warnings(results))
    return joined(
        element("ul", *(element("li", t(warning.said)) for warning in warnings))
        if warnings
        else element("p", t("Nothing stood out while this video was analysed.")),
        _facts(_measured(results, t)),
        errors_table(measured_error(results), t),
    )


def _warnings(results: RunResults) -> Iterator[QualityWarning]:
    """In the order of the stages."""
    for stage in get_args(StageName):
        if stage in results.reports:
            yield from results.reports[stage].warnings


def _measured(results: RunResults, t: Translator) -> dict[str, str]:
    """Selected figures on the quality of the analysis, as far as they were measured."""
    facts = {name: value for report in results.reports.values() for name, value in report.facts.items()}
    shown = {
        "detection_rate": (t("Person found in"), text("{value:.1%} of the frames")),
        "gap_longest_s": (t("Longest gap"), text("{value:.2f} s")),
        "camera_pitch_deg": (t("Camera tilt (up or down)"), text("{value:.0f}°")),
        "camera_roll_deg": (t("Camera tilt (sideways)"), text("{value:.0f}°")),
        "implied_stature_m": (t("Height without scaling"), text("{value:.2f} m")),
    }
    return {
        words: t(form, value=value).replace("-", "−")
        for name, (words, form) in shown.items()
        if isinstance(value := facts.get(name), int | float)
    }


def _made_with(run: Mapping[str, Any], t: Translator) -> Html:
    options = {name: _option(name, value, t) for name, value in run["options"].items()}
    return joined(
        _listed(t("Options"), options),
        _listed(t("Versions"), run["versions"]),
        _listed(
            t("Video and models, SHA-256"),
            {t("Video"): run["video_sha256"], **dict(sorted(run["models"].items()))},
            "listed wide",
        ),
    )


def _option(name: str, value: object, t: Translator) -> str:
    if name.endswith(("_path", "neutral_run")) and isinstance(value, str):
        return PurePath(value).name
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    return "–" if value is None else str(value)


def _listed(caption: str, values: Mapping[str, str], style: str = "listed") -> Html:
    rows = [element("tr", element("th", name), element("td", value)) for name, value in values.items()]
    return element("table", element("caption", caption), element("tbody", *rows), class_=style)
