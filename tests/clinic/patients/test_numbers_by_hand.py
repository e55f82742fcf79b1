"""Numbers that the pages show of the invented clinic, worked out again from its raw rows by other means.

Rows are read with plain SQL, and each number is made with loops, scipy or statsmodels after docs/statistics.md: nothing
of `fer_core.reading` or `clinic` takes part in what is expected.
"""

import json
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize
from scipy.stats import chi2, norm
from scipy.stats import t as student
from statsmodels.stats.proportion import proportion_confint
from statsmodels.tsa.stattools import acovf

from clinic.accounts.accounts import grant
from clinic.patients import caseload
from clinic.questionnaires import answers
from clinic.questionnaires.sentences import change_sentence
from clinic.recordings import marks, readings
from clinic.recordings.verdicts import MarkFields, Verdict
from db.engine import open_database
from db.sqlite import sqlite3
from fer_core.model.model_card import ModelCard
from pages.views.marks import agreement_sentence
from pages.views.power import power_sentences
from tests import doors

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "uncertain")
HAPPY, SAD, UNCERTAIN = 3, 4, 7
STEP_S = 0.2


@pytest.fixture(scope="module")
def clinic(demo_at_head, tmp_path_factory):
    """A copy of the invented clinic, its raw rows and who sees it.

    Dana's newest recording is made harder: every fifth sample and a minute are missing, and the mouth's changes are
    known. In the oldest one labels follow each other by chance, as the model gives them to faces of known expressions,
    so that it has many independent moments. The model of both is the one that is installed.
    """
    path = shutil.copyfile(demo_at_head, tmp_path_factory.mktemp("by_hand") / "clinic.db")
    card = ModelCard.load()
    raw = sqlite3.connect(path)
    (recording,) = raw.execute(
        "SELECT r.id FROM recording r JOIN patient p ON p.id = r.patient_id WHERE p.name LIKE 'Dana%'"
        " ORDER BY r.recorded_on DESC LIMIT 1"
    ).fetchone()
    rng = np.random.default_rng(5)
    rows = raw.execute("SELECT frame_index, time_s FROM sample WHERE recording_id = ?", (recording,)).fetchall()
    for frame, time_s in rows:
        if rng.random() < 0.2 or 100 <= time_s < 160:
            raw.execute("DELETE FROM sample WHERE recording_id = ? AND frame_index = ?", (recording, frame))
        change = 0.2 + 0.15 * math.sin(time_s / 7) + rng.normal(0, 0.05)
        raw.execute(
            "UPDATE sample SET mouth_change = ? WHERE recording_id = ? AND frame_index = ?", (change, recording, frame)
        )
    (lively,) = raw.execute(
        "SELECT r.id FROM recording r JOIN patient p ON p.id = r.patient_id WHERE p.name LIKE 'Dana%'"
        " ORDER BY r.recorded_on LIMIT 1"
    ).fetchone()
    _label_as_the_model_does(raw, lively, np.array(card.given, float), rng)
    raw.execute("UPDATE recording SET model_sha256 = ? WHERE id IN (?, ?)", (card.sha256, recording, lively))
    raw.commit()
    db = open_database(f"sqlite:///{path}")
    patch = pytest.MonkeyPatch()
    doors.cheap_hashes(patch)
    who = doors.actor(db)
    people = dict(raw.execute("SELECT name, id FROM patient"))
    with db.session() as session:
        for patient_id in people.values():
            grant(session, who.account_id, patient_id)
    names = {name.split()[0]: patient_id for name, patient_id in people.items()}
    yield SimpleNamespace(raw=raw, db=db, who=who, people=names, recording=recording, lively=lively, card=card)
    patch.undo()
    db.close()
    raw.close()


def _label_as_the_model_does(raw, recording, given, rng):
    """Give each moment the label that the model gives a face with an expression drawn by chance."""
    true = rng.choice(7, 10_000, p=[0.05, 0.01, 0.04, 0.2, 0.3, 0.05, 0.35])
    rates = given / given.sum(axis=1, keepdims=True)
    for (frame,) in raw.execute("SELECT frame_index FROM sample WHERE recording_id = ?", (recording,)).fetchall():
        label = rng.choice(8, p=rates[true[frame]])
        outputs = [0.9 if column == label else 0.1 / 6 for column in range(7)] if label < 7 else [1 / 7] * 7
        raw.execute(
            "UPDATE sample SET status = ?, angry = ?, disgust = ?, fear = ?, happy = ?, sad = ?, surprise = ?,"
            " neutral = ? WHERE recording_id = ? AND frame_index = ?",
            ("ok" if label < 7 else "uncertain", *outputs, recording, frame),
        )


def rows_of(clinic, recording):
    """The samples of a recording: times, the label's column of each (None where it can't be read), mouth changes."""
    found = clinic.raw.execute(
        "SELECT time_s, status, angry, disgust, fear, happy, sad, surprise, neutral, mouth_change FROM sample"
        " WHERE recording_id = ? ORDER BY time_s",
        (recording,),
    ).fetchall()
    labels = []
    for _, status, *outputs, _ in found:
        label = {"ok": lambda o: max(range(7), key=o.__getitem__), "uncertain": lambda o: UNCERTAIN}.get(status)
        labels.append(None if label is None else label(outputs))
    return [row[0] for row in found], labels, [row[-1] for row in found]


def seconds_of(times):
    """What each sample stands for: up to the next one, at most two steps; the last one a step."""
    nexts = [*times[1:], times[-1] + STEP_S]
    return [min(after - now, 2 * STEP_S) for now, after in zip(times, nexts, strict=True)]


def shares_of(labels, seconds):
    whole = sum(held for label, held in zip(labels, seconds, strict=True) if label is not None)
    return [
        sum(held for label, held in zip(labels, seconds, strict=True) if label == column) / whole
        for column in range(len(LABELS))
    ]


def autocorrelation_time(covariance):
    """Geyer's initial monotone sequence, in samples."""
    total, least = 0.0, math.inf
    for lag in range(0, len(covariance) - 1, 2):
        pair = (covariance[lag] + covariance[lag + 1]) / covariance[0]
        if pair <= 0:
            break
        least = min(least, pair)
        total += least
    return max(1.0, 2 * total - 1)


def sizes_of(times, labels, seconds):
    """The independent moments of each label's share, and of the worst of them."""
    kept = [place for place, label in enumerate(labels) if label is not None]
    count = len(kept)
    slots = [round((times[place] - times[kept[0]]) / STEP_S) for place in kept]
    series = np.full((slots[-1] + 1, len(LABELS)), np.nan)
    series[slots] = [[float(labels[place] == column) for column in range(len(LABELS))] for place in kept]
    lags = len(series) // 2
    covariances = [
        acovf(column, adjusted=True, missing="conservative", fft=False, nlag=lags - 1) for column in series.T
    ]
    together = autocorrelation_time(np.sum(covariances, axis=0))
    weights = [seconds[place] for place in kept]
    even = sum(weights) ** 2 / (count * sum(weight**2 for weight in weights))
    votes, found = series[slots], []
    for column, covariance in enumerate(covariances):
        own = autocorrelation_time(covariance) if covariance[0] > 0 else 1.0
        size = count / max(own, together)
        stretches = [part.mean() for part in np.array_split(votes[:, column], 10)]
        between = np.var(stretches, ddof=1) / 10
        if between > 0:
            size = min(size, votes[:, column].var() / between)
        found.append(max(1.0, even * min(max(size**2 / (size + 3), 1.0), count)))
    return found


def interval_of(share, size):
    """Wilson's interval of statsmodels, told to use Student's quantile in place of the normal one."""
    quantile = student.ppf(0.975, min(9, max(1, size - 1)))
    return proportion_confint(share * size, size, alpha=2 * norm.sf(quantile), method="wilson")


@pytest.fixture(scope="module")
def told(clinic):
    """What the recording's page is given."""
    return readings.analysis_result(clinic.db, clinic.who, clinic.recording)


@pytest.fixture(scope="module")
def by_hand(clinic):
    """The same recording by hand."""
    times, labels, mouths = rows_of(clinic, clinic.recording)
    seconds = seconds_of(times)
    sizes = sizes_of(times, labels, seconds)
    return SimpleNamespace(
        times=times, labels=labels, mouths=mouths, seconds=seconds, shares=shares_of(labels, seconds), sizes=sizes
    )


def test_usable_seconds(told, by_hand):
    usable = sum(held for label, held in zip(by_hand.labels, by_hand.seconds, strict=True) if label is not None)
    assert told.reading.usable_s == pytest.approx(usable)
    assert told.reading.usable_share == pytest.approx(usable / sum(by_hand.seconds))
    assert usable < 0.95 * (by_hand.times[-1] - by_hand.times[0]) - 60


def test_longest_gap(told, by_hand):
    longest, since = 0.0, by_hand.times[0]
    for time_s, label, held in zip(by_hand.times, by_hand.labels, by_hand.seconds, strict=True):
        if label is not None:
            longest, since = max(longest, time_s - since), time_s + held
    end = by_hand.times[-1] + by_hand.seconds[-1]
    assert told.reading.longest_gap_s == pytest.approx(max(longest, end - since))
    assert longest > 55


def test_independent_moments(told, by_hand):
    assert told.reading.sizes == pytest.approx(by_hand.sizes, rel=1e-6)
    assert told.reading.size == pytest.approx(min(by_hand.sizes))


def test_shares_with_their_intervals(told, by_hand):
    assert told.reading.shares == pytest.approx(by_hand.shares)
    for column, (share, size) in enumerate(zip(by_hand.shares, by_hand.sizes, strict=True)):
        low, high = interval_of(share, size)
        assert told.reading.low[column] == pytest.approx(low, abs=2e-3)
        assert told.reading.high[column] == pytest.approx(high, abs=2e-3)


def most_likely(shares, rates):
    """The mixture of expressions that makes these shares of labels most likely."""
    found = minimize(
        lambda mixture: -(shares * np.log(np.maximum(mixture @ rates, 1e-12))).sum(),
        np.full(7, 1 / 7),
        bounds=[(0, 1)] * 7,
        constraints=[{"type": "eq", "fun": lambda mixture: mixture.sum() - 1}],
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return found.x


def test_adjusted_shares(clinic):
    told = readings.analysis_result(clinic.db, clinic.who, clinic.lively)
    times, labels, _ = rows_of(clinic, clinic.lively)
    seconds = seconds_of(times)
    shares, size = np.array(shares_of(labels, seconds)), min(sizes_of(times, labels, seconds))
    given = np.array(clinic.card.given, float)
    expected = most_likely(shares, given / given.sum(axis=1, keepdims=True))
    assert told.adjusted.shares == pytest.approx(expected, abs=0.01)
    rng = np.random.default_rng(11)
    drawn = [
        most_likely(
            rng.multinomial(round(size), shares) / round(size),
            np.array([rng.dirichlet(row / 2 + 0.5) for row in given]),
        )
        for _ in range(150)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    assert told.adjusted.low == pytest.approx(np.minimum(low, expected), abs=0.05)
    assert told.adjusted.high == pytest.approx(np.maximum(high, expected), abs=0.05)


def test_no_adjusted_shares_from_few_moments(told, by_hand):
    assert min(by_hand.sizes) < 60
    assert told.adjusted is None
    assert "60 independent moments" in told.not_adjusted


def test_parts_in_which_the_mouth_moves_and_is_still(told, by_hand):
    known = [
        (time_s, held, change)
        for time_s, held, change in zip(by_hand.times, by_hand.seconds, by_hand.mouths, strict=True)
        if change is not None
    ]
    parts = {True: [], False: []}
    for place, time_s in enumerate(by_hand.times):
        window = [(held, change) for at, held, change in known if time_s - 1 <= at <= time_s + 1]
        within = sum(held for held, _ in window)
        if by_hand.labels[place] is not None and within >= 1 - 1e-9:
            parts[sum(held * change for held, change in window) / within >= 0.25].append(place)
    for part, places in ((told.reading.moving, parts[True]), (told.reading.still, parts[False])):
        seconds = [by_hand.seconds[place] for place in places]
        assert part.seconds == pytest.approx(sum(seconds))
        assert part.shares == pytest.approx(shares_of([by_hand.labels[place] for place in places], seconds))


def summary_of(clinic, recording):
    return json.loads(clinic.raw.execute("SELECT summary FROM recording WHERE id = ?", (recording,)).fetchone()[0])


@pytest.fixture(scope="module")
def ada(clinic):
    """Ada's trend, and by hand the shares and independent moments of her recordings in the order of days."""
    detail = caseload.get_patient(clinic.db, clinic.who, clinic.people["Ada"])
    ids = clinic.raw.execute(
        "SELECT id FROM recording WHERE patient_id = ? ORDER BY recorded_on", (clinic.people["Ada"],)
    ).fetchall()
    shares, sizes, halves = [], [], []
    for (recording,) in ids:
        times, labels, _ = rows_of(clinic, recording)
        seconds = seconds_of(times)
        shares.append(shares_of(labels, seconds))
        sizes.append(sizes_of(times, labels, seconds))
        usable = [label for label in labels if label is not None]
        parts = np.array_split(np.eye(len(LABELS))[usable], 10)
        halves.append((np.concatenate(parts[0::2]).mean(axis=0), np.concatenate(parts[1::2]).mean(axis=0)))
    return SimpleNamespace(trend=detail.trend, shares=np.array(shares), sizes=np.array(sizes), halves=halves)


def limits(ada, column, size):
    """The usual range of one label for a recording of `size` independent moments, on the scale of arcsines."""
    angles = [math.asin(math.sqrt(share)) for share in ada.shares[:8, column]]
    spread = np.var(angles, ddof=1)
    sampling = np.mean([1 / (4 * each + 2) for each in ada.sizes[:8, column]])
    own = 1 / (4 * size + 2)
    variance = max(spread, spread - sampling + own, own)
    reach = student.ppf(0.985, 7) * math.sqrt(variance + 2 * spread / 8)
    return np.mean(angles), reach, math.sqrt(variance), math.sqrt(spread)


def share_at(angle):
    return math.sin(min(max(angle, 0.0), math.pi / 2)) ** 2


def test_rings(ada):
    before, rings = {}, 0
    for number in range(8, 12):
        point, sides = ada.trend.points[number], {}
        for column in range(len(LABELS)):
            mean, reach, *_ = limits(ada, column, ada.sizes[number, column])
            low = max(0.0, min(share_at(mean - reach), share_at(mean) - 0.02))
            high = min(1.0, max(share_at(mean + reach), share_at(mean) + 0.02))
            assert point.usual_low[column] == pytest.approx(low, abs=2e-3)
            assert point.usual_high[column] == pytest.approx(high, abs=2e-3)
            share = float(ada.shares[number, column])
            sides[column] = (share > high) - (share < low)
        ringed = {column for column, side in sides.items() if side and side == before.get(column)}
        assert set(point.outside) == ringed
        before, rings = sides, rings + len(ringed)
    assert rings > 0


def test_the_sentence_on_power(ada):
    size = np.median(ada.sizes[:8, HAPPY])
    mean, reach, _, spread = limits(ada, HAPPY, size)
    sampled = math.sqrt(1 / (4 * size + 2))
    high = max(share_at(mean + reach), share_at(mean) + 0.02)

    def seen(change):
        beyond = math.asin(math.sqrt(share_at(mean) + change)) - math.asin(math.sqrt(high))

        after = share_at(mean) + change
        wider = spread * max(1.0, math.sqrt(share_at(mean) * (1 - share_at(mean)) / (after * (1 - after))))

        def with_spread(ratio):
            doubt = ratio * wider / math.sqrt(8)
            own = max(sampled, ratio * wider)

            def at(offset):
                past = norm.cdf((beyond + doubt * offset) / own)
                return norm.pdf(offset) * (2 * past**2 - past**3)

            return quad(at, -5, 5)[0]

        ratios = np.sqrt(7 / chi2.ppf((np.arange(12) + 0.5) / 12, 7))
        return np.mean([with_spread(ratio) for ratio in ratios]) - 0.8

    expected = brentq(seen, 0.0, 0.9 - share_at(mean))
    assert ada.trend.baseline[HAPPY].rise == pytest.approx(expected, abs=0.004)
    assert f"happy-like +{expected * 100:.0f} points" in power_sentences(ada.trend, [HAPPY])[0]


def test_the_split_half_noise_floor_and_the_difference_by_chance(ada):
    for column in (HAPPY, SAD, UNCERTAIN):
        differences = [first[column] - second[column] for first, second in ada.halves]
        split = math.sqrt(sum(each**2 for each in differences) / len(differences)) / 2
        mean = ada.shares[:, column].mean()
        sampled = math.sqrt(mean * (1 - mean) * (1 / ada.sizes[:, column]).mean())
        assert ada.trend.noise[column] == pytest.approx(max(split, sampled))
        chance = student.ppf(0.975, 7) * math.sqrt(2) * np.std(ada.shares[:8, column], ddof=1)
        assert ada.trend.baseline[column].chance == pytest.approx(chance, rel=1e-3)


def test_the_reliable_change_of_a_questionnaire(clinic):
    given = [one for one in answers.listed(clinic.db, clinic.who, clinic.people["Ada"]) if one.scale.key == "phq9"]
    totals = [
        total
        for (total,) in clinic.raw.execute(
            "SELECT total FROM questionnaire_answer WHERE patient_id = ? AND scale = 'phq9' ORDER BY answered_on DESC",
            (clinic.people["Ada"],),
        )
    ]
    least = 1.96 * math.sqrt(2) * 6.1 * math.sqrt(1 - 0.84)
    assert [one.score.total for one in given] == totals
    said = change_sentence(given[-1], given[0])
    assert f"from {totals[-1]:g} to {totals[0]:g}" in said
    assert f"more than the {least:.1f} points" in said
    assert abs(totals[0] - totals[-1]) > least > abs(totals[0] - totals[1])
    assert f"Changes of up to {least:.1f} points" in change_sentence(given[1], given[0])


def test_agreement_with_its_interval(clinic):
    recording = clinic.raw.execute(
        "SELECT id FROM recording WHERE patient_id = ? ORDER BY recorded_on DESC", (clinic.people["Ada"],)
    ).fetchone()[0]
    times, labels, _ = rows_of(clinic, recording)
    agreed = judged = 0
    for second in range(0, 300, 2):
        inside = [label for time_s, label in zip(times, labels, strict=True) if second <= time_s < second + 1]
        if len(inside) != 5 or len(set(inside)) != 1 or inside[0] in (None, UNCERTAIN) or judged == 24:
            continue
        fits = judged % 3 != 0
        other = None if fits else LABELS[(inside[0] + 1) % 7]
        said = MarkFields(second, second + 1, Verdict.AGREE if fits else Verdict.OTHER, label=other)
        marks.add(clinic.db, clinic.who, recording, said)
        agreed, judged = agreed + fits, judged + 1
    assert judged == 24
    found = marks.agreement(clinic.db, clinic.who, recording)
    low, high = proportion_confint(agreed, judged, method="wilson")
    assert (found.agreed, found.judged) == (agreed, judged)
    assert (found.low, found.high) == (pytest.approx(low, abs=2e-3), pytest.approx(high, abs=2e-3))
    said = agreement_sentence(found)
    assert f"{agreed} of {judged} judged" in said
    assert f"{100 * low:.0f} % to {100 * high:.0f} %" in said
