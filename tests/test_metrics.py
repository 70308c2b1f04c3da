"""What Prometheus is told of a worker: true counts, known labels, and its engine's own series."""

import asyncio
import re
import threading
from collections import Counter

import pytest

from tests.fakes import ScriptedEngine, fail
from tests.monitoring import promql
from tests.test_layering import HEAVY, modules_after
from worker import errors
from worker import metrics as module
from worker.commentary.guard import Kind
from worker.commentary.script import CommentaryOptions, Source
from worker.engine import About, Load, Reply, Usage
from worker.metrics import CONTENT_TYPE, FAULTS, OF_JOBS, Metrics, admissible, scraped
from worker.record import Record
from worker.shapes.reading import SHAPES
from worker.state import WorkerState
from worker.warmup import warm_up

NAMES = [shape.name for shape in SHAPES]
THEIRS = (
    b"# HELP vllm:num_requests_running Requests.\n"
    b"# TYPE vllm:num_requests_running gauge\n"
    b'vllm:num_requests_running{engine="0",model_name="a } b"} 2.0\n'
)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@pytest.fixture
def metrics():
    return Metrics()


def samples(metrics):
    """Every sample of ours: what stands before its value, and the value."""
    lines = metrics.exposition().decode().splitlines()
    pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
    return {name.removeprefix("commentary_"): float(value) for name, value in pairs}


def risen(metrics, record):
    """What an ended job adds, sample by sample."""
    before = samples(metrics)
    metrics.job_ended(record)
    after = samples(metrics)
    assert after.keys() == before.keys()  # nothing that a job brings makes a series
    return {name: value - before[name] for name, value in after.items() if value != before[name]}


class TestJobs:
    """What an ended job adds."""

    @pytest.mark.parametrize("shape", NAMES)
    @pytest.mark.parametrize(
        ("finish", "outcome"),
        [("done", "done"), ("stop", "done"), ("length", "done"), ("cancelled", "cancelled")],
    )
    def test_a_job_counts_once_by_its_shape_and_outcome(self, metrics, shape, finish, outcome):
        """The model's own reasons to end are no outcomes of their own."""
        rise = risen(metrics, Record("1", shape, finish=finish))
        assert rise == {f'jobs_total{{outcome="{outcome}",shape="{shape}"}}': 1}

    @pytest.mark.parametrize("code", sorted(OF_JOBS))
    def test_a_failure_counts_by_its_code_and_whose_fault_it_is(self, metrics, code):
        """Whoever asks who must act finds it in the label."""
        labels = f'code="{code}",fault="{FAULTS[code]}",shape="native"'
        assert risen(metrics, Record("1", "native", finish="failed", error=code)) == {
            'jobs_total{outcome="failed",shape="native"}': 1,
            f"job_failures_total{{{labels}}}": 1,
        }

    def test_every_error_of_a_job_has_its_fault(self):
        """As the tree of errors has it; those of a start are no job's."""
        assert FAULTS["invalid_input"] == errors.InvalidInput.fault == "caller"
        assert FAULTS["engine_dead"] == errors.EngineDead.fault == "worker"
        assert FAULTS["engine_key_refused"] == errors.EngineKeyRefused.fault == "operator"
        assert set(FAULTS) - OF_JOBS == {"startup_failed", "invalid_setting"}

    @pytest.mark.parametrize("error", [None, "", "no_such_code"])
    def test_an_error_that_nobody_knows_is_the_worker_s(self, metrics, error):
        """It makes no series of its own, and does not get lost."""
        rise = risen(metrics, Record("1", "native", finish="failed", error=error))
        assert rise['job_failures_total{code="internal_error",fault="worker",shape="native"}'] == 1

    def test_whatever_a_job_says_of_itself_makes_no_series(self, metrics):
        """A shape, an ending, a class, a source, a callback that nobody knows: their number is
        bounded.
        """
        for number in range(5):
            odd = f'"odd\n{number}'
            record = Record("1", odd, finish=odd, callback=odd, sources={odd: 1}, kinds={odd: 1})
            assert risen(metrics, record) == {'jobs_total{outcome="done",shape="unknown"}': 1}

    @pytest.mark.parametrize("shape", NAMES)
    def test_tokens_count_by_shape_and_kind(self, metrics, shape):
        """The prompt's with the cached ones among them, as the engine tells."""
        record = Record(
            "1", shape, usage=Usage(prompt=100, cached=80, completion=20), finish="done"
        )
        rise = risen(metrics, record)
        got = {
            kind: rise[f'tokens_total{{kind="{kind}",shape="{shape}"}}'] for kind in module.TOKENS
        }
        assert got == {"prompt": 100, "cached": 80, "completion": 20}

    def test_the_lines_and_violations_of_a_commentary_count_by_class(self, metrics):
        """Each source and each class by itself."""
        sources = {source.value: number for number, source in enumerate(Source, 1)}
        kinds = {kind.value: number for number, kind in enumerate(Kind, 1)}
        rise = risen(metrics, Record("1", "commentary", sources=sources, kinds=kinds))
        assert {name: rise[f'lines_total{{source="{name}"}}'] for name in sources} == sources
        assert {name: rise[f'violations_total{{class="{name}"}}'] for name in kinds} == kinds

    @pytest.mark.parametrize("outcome", ["delivered", "failed"])
    def test_callbacks_count_by_what_became_of_them(self, metrics, outcome):
        """A job without one counts none."""
        rise = risen(metrics, Record("1", "commentary", callback=outcome))
        assert rise[f'callbacks_total{{outcome="{outcome}"}}'] == 1
        assert not [
            name for name in risen(metrics, Record("1", "commentary")) if "callback" in name
        ]


class TestTimes:
    """What an ended job adds to the histograms."""

    @pytest.mark.parametrize(
        ("field", "name"),
        [
            ("first_line_ms", "first_line_seconds"),
            ("script_ms", "script_seconds"),
            ("waited_ms", "turn_wait_seconds"),
            ("queue_ms", "engine_queue_seconds"),
        ],
    )
    def test_milliseconds_become_seconds(self, metrics, field, name):
        """Prometheus's base unit; the sum and the buckets agree."""
        rise = risen(metrics, Record("1", "commentary", **{field: 1500.0}))
        assert (rise[f"{name}_sum"], rise[f"{name}_count"]) == (1.5, 1)
        assert f'{name}_bucket{{le="1.0"}}' not in rise
        assert rise[f'{name}_bucket{{le="2.0"}}'] == rise[f'{name}_bucket{{le="+Inf"}}'] == 1

    def test_what_was_not_measured_is_not_observed(self, metrics):
        """A job that never had a turn says nothing about turns."""
        rise = risen(metrics, Record("1", "commentary", finish="failed", error="invalid_input"))
        assert not [name for name in rise if "seconds" in name]

    @pytest.mark.parametrize("shape", [name for name in NAMES if name != "commentary"])
    def test_only_a_commentary_has_a_first_line_and_a_script(self, metrics, shape):
        """The first piece of somebody's chat is no line."""
        rise = risen(metrics, Record("1", shape, first_line_ms=5.0, script_ms=5.0, finish="done"))
        assert rise == {f'jobs_total{{outcome="done",shape="{shape}"}}': 1}

    def test_the_buckets_reach_from_a_first_line_to_a_deadline(self, metrics):
        """Of a job's own 120 s, none falls into the last bucket alone."""
        rise = risen(metrics, Record("1", "commentary", script_ms=119_000.0, waited_ms=119_000.0))
        assert rise['script_seconds_bucket{le="120.0"}'] == 1
        assert rise['turn_wait_seconds_bucket{le="120.0"}'] == 1


class TestExposition:
    """How it is told."""

    def test_what_labels_can_say_stands_at_zero_from_the_first_scrape_on(self, metrics):
        """`rate` would not see the first rise of a series that begins with it."""
        told = samples(metrics)
        shapes = [*NAMES, "unknown"]
        wanted = [
            *(
                f'jobs_total{{outcome="{outcome}",shape="{shape}"}}'
                for outcome in ("done", "failed", "cancelled")
                for shape in shapes
            ),
            *(
                f'job_failures_total{{code="{code}",fault="{FAULTS[code]}",shape="{shape}"}}'
                for code in OF_JOBS
                for shape in shapes
            ),
            *(
                f'tokens_total{{kind="{kind}",shape="{shape}"}}'
                for kind in ("prompt", "cached", "completion")
                for shape in shapes
            ),
            *(f'lines_total{{source="{source.value}"}}' for source in Source),
            *(f'violations_total{{class="{kind.value}"}}' for kind in Kind),
            *(f'callbacks_total{{outcome="{outcome}"}}' for outcome in ("delivered", "failed")),
            *(f'http_refusals_total{{status="{status}"}}' for status in (401, 413, 503, "other")),
        ]
        assert {told[name] for name in wanted} == {0.0}
        counters = {name for name in told if "_total{" in name}
        assert {name for name in counters if "refusals" not in name} <= set(wanted)

    def test_names_follow_the_conventions(self, metrics):
        """Ours begin alike, counters end in _total, times are seconds, and each says what it is."""
        for family in promql.families(metrics.exposition().decode()):
            assert family.name.startswith("commentary_")
            assert family.documentation.endswith(".")
            assert family.type in ("counter", "gauge", "histogram")
            assert "ms" not in family.name.split("_")
            assert family.type != "histogram" or family.name.endswith("_seconds")

    def test_the_time_at_which_a_series_was_made_is_left_out(self, metrics):
        """It would double their number."""
        metrics.job_ended(Record("1", "commentary", script_ms=1.0))
        assert b"_created" not in metrics.exposition()

    def test_a_refused_request_counts_by_its_status(self, metrics):
        """Any that nobody expects counts as `other`."""
        for status in (401, 413, 503, 503, 418, 599):
            metrics.refused(status)
        told = samples(metrics)
        got = [told[f'http_refusals_total{{status="{name}"}}'] for name in (401, 413, 503, "other")]
        assert got == [1, 1, 2, 2]

    def test_the_phases_of_the_start_are_told_in_seconds(self, metrics):
        """Each by its name; none before the start is over."""
        assert not [name for name in samples(metrics) if "phase" in name]
        metrics.started({"import": 5.5, "warm-up": 0.25})
        told = samples(metrics)
        assert told['start_phase_seconds{phase="import"}'] == 5.5
        assert told['start_phase_seconds{phase="warm-up"}'] == 0.25

    def test_several_live_in_one_process(self):
        """None counts another's jobs."""
        one, another = Metrics(), Metrics()
        one.refused(401)
        assert samples(one)['http_refusals_total{status="401"}'] == 1
        assert samples(another)['http_refusals_total{status="401"}'] == 0

    def test_counts_are_true_from_several_threads(self, metrics):
        """Jobs end on one loop and scrapes come from another, at any time."""
        record = Record("1", "commentary", finish="done", sources={"model": 10}, script_ms=1.0)
        scrapes = []

        def end():
            for _ in range(200):
                metrics.job_ended(record)

        def scrape():
            scrapes.extend(promql.families(metrics.exposition().decode()) for _ in range(5))

        threads = [threading.Thread(target=work) for work in (end, end, scrape, end, scrape)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = samples(metrics)
        assert told['jobs_total{outcome="done",shape="commentary"}'] == 600
        assert told['lines_total{source="model"}'] == 6000
        assert told["script_seconds_count"] == told['script_seconds_bucket{le="+Inf"}'] == 600
        assert len({len(scrape) for scrape in scrapes}) == 1

    def test_where_vllm_counts_in_files_so_does_nobody_else(self, tmp_path, monkeypatch):
        """PROMETHEUS_MULTIPROC_DIR, should somebody set it, breaks nothing of ours."""
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        script = (
            "from worker.metrics import Metrics\n"
            "from worker.record import Record\n"
            "from worker.state import WorkerState\n"
            "from tests.fakes import ScriptedEngine\n"
            "metrics = Metrics()\n"
            "metrics.watch(WorkerState(3), ScriptedEngine())\n"
            "metrics.job_ended(Record('1', 'probe', finish='done'))\n"
            "text = metrics.exposition().decode()\n"
            'assert \'commentary_jobs_total{outcome="done",shape="probe"} 1.0\' in text\n'
            "assert 'commentary_job_slots 3.0' in text"
        )
        assert modules_after(script)

    def test_nothing_heavy_is_imported(self):
        """Nor does whoever counts jobs import Prometheus's client."""
        assert modules_after("import worker.metrics").isdisjoint(HEAVY)
        assert "prometheus_client" not in modules_after("import worker.jobs")


class Watched(ScriptedEngine):
    """An engine that is as its test says."""

    def __init__(self, route=None):
        super().__init__(route=route)
        self.silent_s = 0.0

    def about(self):
        return About("skt/A.X", revision="abc")

    def load(self):
        return Load(1, self.silent_s)


class TestWatching:
    """What is read whenever somebody scrapes."""

    def test_before_there_is_anything_to_watch_all_of_it_is_nothing(self, metrics):
        """A worker that loads has no engine and no turns, and says so."""
        told = samples(metrics)
        for name in ("jobs_in_flight", "jobs_waiting", "job_slots", "engine_up"):
            assert told[name] == 0
        assert not [name for name in told if name.startswith("worker_info")]

    def test_the_state_is_as_it_is_at_the_moment(self, metrics):
        """Nobody has to tell of a change."""
        state, engine = WorkerState(8), Watched()
        metrics.watch(state, engine)
        assert samples(metrics)["job_slots"] == 8
        state.in_flight, state.waiting, engine.silent_s = 5, 2, 7.5
        told = samples(metrics)
        assert (told["jobs_in_flight"], told["jobs_waiting"]) == (5, 2)
        assert (told["engine_silent_seconds"], told["engine_up"]) == (7.5, 1)

    def test_a_dead_engine_is_not_up(self, metrics):
        """Whether or not anybody has asked it anything."""
        engine = Watched()
        metrics.watch(WorkerState(8), engine)
        engine.dead = True
        assert samples(metrics)["engine_up"] == 0

    @pytest.mark.parametrize(("revision", "told"), [("abc", "abc"), (None, "")])
    def test_a_worker_says_what_it_is(self, metrics, monkeypatch, revision, told):
        """Model, commit and version are labels of a 1."""
        monkeypatch.setattr(Watched, "about", lambda _: About("skt/A.X", revision=revision))
        metrics.watch(WorkerState(8), Watched())
        version = module.worker.__version__
        labels = f'model="skt/A.X",revision="{told}",version="{version}"'
        assert samples(metrics)[f"worker_info{{{labels}}}"] == 1

    def test_a_worker_says_since_when_it_is(self, metrics):
        """Another start is another time."""
        before = samples(metrics)["worker_start_time_seconds"]
        assert before < samples(Metrics())["worker_start_time_seconds"]


def replying(*pieces, status=200, content_type=TEXT):
    """An engine that answers every route so."""

    async def body():
        for piece in pieces:
            yield piece

    return Watched(lambda *_: Reply(status, content_type, body()))


@pytest.mark.anyio
class TestScraped:
    """Ours, and then the engine's."""

    @pytest.fixture
    def scrape(self, metrics):
        """What a scrape brings of an engine that is watched; and whether it counts as up."""

        async def scrape(engine):
            metrics.watch(WorkerState(8), engine)
            text = await scraped(metrics, engine)
            [up] = [line for line in text.splitlines() if line.startswith(b"commentary_engine_up ")]
            return text.removeprefix(metrics.exposition()), up.endswith(b" 1.0")

        return scrape

    async def test_the_engine_s_own_series_come_after_ours(self, scrape):
        """As they came, however they were cut into pieces."""
        engine = replying(THEIRS[:50], THEIRS[50:])
        assert await scrape(engine) == (THEIRS, True)
        assert engine.routed == [("GET", "/metrics", None)]

    async def test_without_an_engine_there_are_ours(self, metrics):
        """The model is loading; the worker is there already."""
        assert await scraped(metrics, None) == metrics.exposition()

    @pytest.mark.parametrize("error", [errors.EngineError("gone"), errors.EngineDead("dead")])
    async def test_an_engine_that_cannot_be_reached_is_not_up(self, scrape, error):
        """Before its answer, and in the middle of it."""

        def refuse(*_):
            raise error

        broken = Reply(200, TEXT, fail(error))
        assert await scrape(Watched(refuse)) == (b"", False)
        assert await scrape(Watched(lambda *_: broken)) == (b"", False)

    async def test_an_engine_that_can_be_reached_again_is_up_again(self, scrape):
        """What counts is the last time."""
        assert (await scrape(Watched(lambda *_: Reply(200, TEXT, fail(errors.EngineError("x"))))))[
            1
        ] is False
        assert (await scrape(replying(THEIRS)))[1] is True

    async def test_an_engine_that_does_not_answer_holds_up_no_scrape(self, scrape, monkeypatch):
        """Ours are told without it, it counts as gone, and nobody listens to it any longer."""
        monkeypatch.setattr(module, "ENGINE_SECONDS", 0.01)

        async def stuck():
            yield THEIRS
            await asyncio.Event().wait()

        engine = Watched(lambda *_: Reply(200, TEXT, stuck()))
        assert await scrape(engine) == (b"", False)
        assert engine.open == 0

    @pytest.mark.parametrize(
        "engine",
        [
            replying(b"{}", content_type="application/json"),
            replying(b"not found", status=404),
            replying(b"", status=204),
            replying(THEIRS, status=503),
            replying(THEIRS, content_type="application/openmetrics-text; version=1.0.0"),
            replying(b"it is all right"),
            replying(THEIRS, b"\xff\xfe\x00 well"),
            replying(),
        ],
    )
    async def test_an_answer_that_is_no_exposition_is_left_out(self, scrape, engine):
        """Prometheus would drop all of the scrape for it; the engine is there all the same."""
        assert await scrape(engine) == (b"", True)

    async def test_a_text_that_breaks_off_in_its_last_line_ends_it(self, scrape):
        """What is joined is a text of whole lines."""
        assert await scrape(replying(THEIRS.rstrip())) == (THEIRS, True)

    async def test_an_engine_that_is_such_a_worker_defines_nothing_twice(self, metrics, scrape):
        """ENGINE_URL may lead to another worker's HTTP service."""
        another = Metrics()
        another.job_ended(Record("1", "commentary", finish="done"))
        theirs = await scraped(another, replying(THEIRS))
        assert await scrape(replying(theirs)) == (THEIRS, True)

    async def test_the_content_type_is_what_prometheus_takes(self):
        """The text format, by the version that every Prometheus knows."""
        assert CONTENT_TYPE == TEXT


def test_every_line_of_the_text_format_is_admissible():
    """Labels with whatever in them, exponents, infinities, timestamps, comments, blanks."""
    text = (
        '# EOF\n# a comment\nup 1\nup{} 0\nup {a="1"}  \t.5\n'
        'a:b_c{x="골 1",y="} \\" {"} -1.5e-07\nh_bucket{le="+Inf"} +Inf 1700000000000\nn NaN\n'
    ).encode()
    assert promql.families(text.decode())
    assert admissible(text) == text


@pytest.mark.parametrize(
    "line",
    [b"1up 1", b"up", b"up one", b"up 1 2 3", b"up{ 1", b"<html>", b"\xff", b'up{a="\xff"} 1'],
)
def test_any_other_line_spoils_the_text(line):
    """And the rest of it with it: half a text would be told as a whole one."""
    assert admissible(THEIRS + line + b"\n") == b""


@pytest.mark.engine
@pytest.mark.anyio
class TestOnVllm:
    """What the real engine tells, and what is asked of it."""

    @pytest.fixture
    async def text(self, metrics, engine):
        metrics.watch(WorkerState(8), engine)
        metrics.started(engine.phases)
        await warm_up(engine, CommentaryOptions())
        return (await scraped(metrics, engine)).decode()

    async def test_no_family_is_defined_twice(self, text):
        """Ours and vLLM's are in one text, which is one process's."""
        defined = Counter(family.name for family in promql.families(text))
        assert [name for name, times in defined.items() if times > 1] == []
        assert {"commentary_jobs", "vllm:num_requests_running"} <= set(defined)

    async def test_whatever_is_asked_of_prometheus_is_there(self, text):
        """Each series of the dashboard and of the alerts is ours or vLLM's."""
        known = promql.series(text) | promql.PROMETHEUS_OWN
        asked = {what: promql.names(query) for what, query in promql.expressions().items()}
        assert all(asked.values())
        assert {what: names - known for what, names in asked.items() if names - known} == {}


def test_labels_are_asked_for_as_they_are_told(metrics):
    """No query waits for a label, or for a value of one, that none of our series has."""
    metrics.watch(WorkerState(1), Watched())
    metrics.started({"load": 1.0})
    told = [
        sample
        for family in promql.families(metrics.exposition().decode())
        for sample in family.samples
    ]
    for what, query in promql.expressions().items():
        for name, label, operator, value in promql.matchers(query):
            if name.startswith("commentary_") and label not in promql.TARGETS_OWN:
                spoken = {each.labels.get(label) for each in told if each.name == name}
                assert operator in ("=", "!="), what
                assert value in spoken, what


def test_every_series_of_ours_is_looked_at(metrics):
    """On the dashboard or by an alert; one that nobody looks at need not be told."""
    asked = set().union(*(promql.names(query) for query in promql.expressions().values()))
    for family in promql.families(metrics.exposition().decode()):
        forms = {family.name + suffix for suffix in promql.SUFFIXES.get(family.type, ("",))}
        assert forms & asked, family.name


class TestReadme:
    """What README says of the series and of the alerts."""

    @pytest.fixture(scope="class")
    def section(self):
        readme = (promql.MONITORING.parent / "README.md").read_text("utf-8")
        return readme.partition("\n### Monitoring\n")[2].partition("\n## ")[0]

    def test_each_series_stands_there_with_its_labels(self, section, metrics):
        """And no other does."""
        metrics.watch(WorkerState(1), Watched())
        metrics.started({"load": 1.0})
        told = {}
        for row in re.findall(r"^\| (`commentary_.*)", section, re.MULTILINE):
            names, labels, _ = (cell.strip() for cell in row.removesuffix("|").split("|"))
            told |= {name: set(re.findall(r"`(\w+)`", labels)) for name in names.split(", ")}
        assert len(told) == section.count("`commentary_")
        found = {}
        for family in promql.families(metrics.exposition().decode()):
            name = family.name + ("_total" if family.type == "counter" else "")
            found[f"`{name}`"] = {label for each in family.samples for label in each.labels} - {
                "le"
            }
        assert told == found

    def test_each_alert_stands_there(self, section):
        """And no other does."""
        named = re.findall(r"`(Commentary\w+)`", section)
        assert named == [rule["alert"] for rule in promql.alerts()]
