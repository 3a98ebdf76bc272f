"""The audit: every scenario holds, and a scenario whose measurements contradict its record fails."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape as escaped

from scenarios import registry, report, runner
from scenarios.registry import Evidence, Measurement
from scenarios.typography import typeset

IDS = ("O1", "O2", "O3", "S1", "S6", "L1", "D1")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Run the quick audit once, with pictures and the report."""
    folder = tmp_path_factory.mktemp("audit")
    found, page = report.write_report(folder, registry.select(IDS), quick=True)
    return {outcome.scenario.id: outcome for outcome in found}, page


@pytest.mark.parametrize("name", IDS)
def test_the_scenario_measures_what_it_records(outcomes, name):
    outcome = outcomes[0][name]
    failed = [m.name for m in outcome.evidence.measurements if not m.told and not m.holds]
    assert failed == []
    assert outcome.evidence.verdict == outcome.scenario.verdict
    assert outcome.holds
    assert outcome.picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", IDS)
def test_every_measurement_says_where_its_tolerance_comes_from(outcomes, name):
    for measurement in outcomes[0][name].evidence.measurements:
        assert measurement.because
        assert math.isfinite(measurement.measured)
        assert measurement.tolerance >= 0


@pytest.mark.slow
@pytest.mark.parametrize("name", IDS)
def test_the_full_run_holds_too(name):
    (outcome,) = runner.run(registry.select([name]))
    assert outcome.holds, [m for m in outcome.evidence.measurements if not m.holds]


def test_the_traps_are_shown(outcomes):
    told_and_failed = {
        name: [m.name for m in outcome.evidence.measurements if m.told and not m.holds]
        for name, outcome in outcomes[0].items()
    }
    assert any("simultaneous" in text for text in told_and_failed["O2"])
    assert any("non-saturating" in text for text in told_and_failed["O3"])
    assert any("the more, the better" in text for text in told_and_failed["S1"])


def test_the_report_holds_every_claim_and_needs_nothing_else(outcomes):
    found, page = outcomes
    text = page.read_text(encoding="utf-8")
    for name, outcome in found.items():
        assert f'id="{name}"' in text
        assert f"pictures/{name.lower()}.png" in text
        assert all(part not in text for part in ("http://", "https://", "<script"))
        assert outcome.picture.parent == page.parent / "pictures"


def test_the_report_names_what_it_measured_and_its_sources(outcomes):
    found, page = outcomes
    text = page.read_text(encoding="utf-8")
    overview = text.split("</table>")[0]
    assert "audit agrees" in overview
    assert ">met<" not in text
    for outcome in found.values():
        assert escaped(typeset(outcome.evidence.measurements[0].name)) in overview
        assert outcome.scenario.references
        assert all(escaped(reference) in text for reference in outcome.scenario.references)
        for key in outcome.scenario.source.split(", "):
            assert f"{key}: {registry.SOURCES[key]}" in text


def test_the_report_writes_signs_and_greek_letters_in_one_way(outcomes):
    text = re.sub(r"<style>.*</style>|<code>.*?</code>|<[^>]*>", "", outcomes[1].read_text("utf-8"), flags=re.DOTALL)
    assert not re.search(r"−0(?![.\d])|-\d|\+-|-&gt;|\b(sigma|pi|gamma|psi|theta)\b|sqrt\(| - ", text)
    assert all(sign in text for sign in "±πσγψθ√→−")


def test_the_report_escapes_what_it_prints(outcomes):
    outcome = outcomes[0]["O1"]
    spiked = replace(outcome, scenario=replace(outcome.scenario, title="<img src=x onerror=alert(1)>"))
    assert "<img src=x" not in report.render([spiked], quick=True)


def _measured(value, expected=1.0, told=False, **more):
    return Measurement("name", value, expected, 0.1, "because", told=told, **more)


def _scenario(verdict, *measurements):
    return replace(registry.select(["O1"])[0], verdict=verdict, run=lambda quick: Evidence(measurements))


def test_a_measurement_that_contradicts_the_record_fails_the_scenario(gandyn, monkeypatch):
    contradicted = _scenario("supported", _measured(2.0, told=True))
    (outcome,) = runner.run([contradicted])
    assert outcome.evidence.verdict == "refuted"
    assert not outcome.holds

    monkeypatch.setattr(registry, "select", lambda ids: (replace(contradicted, draw=_empty_figure),))
    result = gandyn("claims", "O1")
    assert result.exit_code == 1
    assert "NO" in result.stdout
    assert "audit agrees in 0 of 1" in " ".join(result.stdout.lower().split())
    assert gandyn("claims", "O1", "--json").exit_code == 1


def _empty_figure(evidence):
    from figures import style

    return style.new_figure()


def test_a_missed_prediction_of_the_correct_statement_fails_the_scenario():
    (outcome,) = runner.run([_scenario("supported", _measured(1.0, told=True), _measured(2.0))])
    assert outcome.evidence.verdict == "supported"
    assert not outcome.holds


def _raise(error):
    raise error


@pytest.mark.parametrize("part", ["run", "draw"])
def test_a_scenario_that_raises_is_reported_and_the_others_keep_their_rows(gandyn, monkeypatch, tmp_path, part):
    first, second = registry.select(["O1", "S1"])
    broken = replace(first, **{part: lambda given: _raise(ZeroDivisionError("nothing to divide by"))})
    monkeypatch.setattr(registry, "select", lambda ids: (broken, second))
    failed, kept = runner.run(registry.select(None), quick=True, pictures=tmp_path)
    assert not failed.holds
    assert failed.error is not None
    assert "ZeroDivisionError: nothing to divide by" in failed.error
    assert failed.evidence.verdict == ("undecided" if part == "run" else "supported")
    assert kept.holds
    assert kept.error is None

    result = gandyn("claims", "--quick", "--json")
    assert result.exit_code in (1, 3)
    row = json.loads(result.stdout)["result"]["claims"][0]
    assert row["holds"] is False
    assert "nothing to divide by" in row["error"]
    assert "nothing to divide by" in gandyn("claims", "--quick").stdout
    assert "nothing to divide by" in report.render([failed, kept], quick=True)


def test_the_hardest_of_several_measurements_holds_only_if_all_do():
    values = [_measured(1.05), _measured(2.0), _measured(0.95)]
    assert registry.hardest(values, "worst of 3").measured == 2.0
    assert registry.hardest(values, "worst of 3").name == "name, worst of 3"
    assert registry.hardest([_measured(1.0), _measured(math.nan)], "worst").holds is False
    assert registry.hardest([_measured(1.0), _measured(1.01)], "worst").holds


@given(st.lists(st.booleans(), max_size=5))
def test_the_verdict_counts_the_predictions_of_the_statement_as_told(held):
    evidence = Evidence(tuple(_measured(1.0 if one else 2.0, told=True) for one in held))
    expected = "undecided" if not held else "refuted" if not any(held) else "supported" if all(held) else "qualified"
    assert evidence.verdict == expected


@pytest.mark.parametrize(
    ("relation", "value", "holds"),
    [
        ("equal", 1.05, True),
        ("equal", 0.85, False),
        ("equal", math.nan, False),
        ("at most", -5.0, True),
        ("at most", 1.05, True),
        ("at most", 1.2, False),
        ("at least", 5.0, True),
        ("at least", 0.95, True),
        ("at least", 0.8, False),
        ("at least", math.inf, False),
    ],
)
def test_a_measurement_holds_within_its_tolerance(relation, value, holds):
    assert _measured(value, relation=relation).holds is holds


def test_claims_answers_with_the_keys_of_the_contract(answer, tmp_path):
    result = answer("claims", "s1", "S6", "--quick", "--out", "pictures")["result"]
    assert [row["id"] for row in result["claims"]] == ["S1", "S6"]
    for row in result["claims"]:
        assert {"id", "verdict", "holds", "measured", "expected", "tolerance"} <= set(row)
        assert row["holds"] is True
        assert (tmp_path / row["picture"]).is_file()


def test_pictures_go_to_the_audit_folder_without_out(gandyn, tmp_path):
    assert gandyn("claims", "S1", "--quick").exit_code == 0
    assert (tmp_path / "audit" / "pictures" / "s1.png").is_file()
