"""The parts of bench_peers.py that need no torch."""
import contextlib
import io
import os
import sys
import types
import unittest
from unittest import mock

import bench_peers
from peers import plan, records

JOB = plan.Job("BERT-base", "training_step", "eager", "sdpa", 32, 512, 30528)


def run(*argv):
    """(exit code, standard output, standard error)"""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            bench_peers.main(list(argv))
        except SystemExit as end:
            code = end.code or 0
    return code, out.getvalue(), err.getvalue()


class FakeBench:
    """Stands for peers.measure: each job takes as many milliseconds as its length, or does what `fate` says."""
    fate, alive = {}, True

    def __init__(self, *settings):
        pass

    def run(self, job):
        FakeBench.fate.get(job.model, lambda: None)()
        return [float(job.length)] * 3, 2**30, "fake"

    def clean(self):
        pass

    def works(self):
        return FakeBench.alive


class Overtime(BaseException):
    pass


def out_of_memory():
    raise RuntimeError("CUDA out of memory.\nTried to allocate more")


def overtime():
    raise Overtime("compilation took more than 1 s")


class BenchPeersTest(unittest.TestCase):
    def setUp(self):
        FakeBench.fate, FakeBench.alive = {}, True
        fakes = {"peers.measure": types.SimpleNamespace(Bench=FakeBench, Overtime=Overtime),
                 "torch": types.SimpleNamespace()}
        self.enter(mock.patch.dict(sys.modules, fakes))
        self.enter(mock.patch.object(bench_peers, "import_libraries", lambda device: (None, None)))
        self.enter(mock.patch.object(bench_peers, "header", lambda *rest: {"device": "fake", "command": "run"}))

    def enter(self, patch):
        patch.start()
        self.addCleanup(patch.stop)

    def test_quantiles_lie_linearly_between_neighbours(self):
        found = records.spread([4.0, 1.0, 3.0, 2.0, 5.0])
        for name, value in {"p10": 1.4, "p50": 3, "p90": 4.6, "p95": 4.8, "p99": 4.96, "mean": 3}.items():
            self.assertAlmostEqual(found[name], value, msg=name)
        self.assertEqual(found["samples"], 5)
        self.assertRaises(ValueError, records.spread, [])

    def test_record_has_the_fields_that_are_merged(self):
        entry = records.record(JOB, "bf16", [50.0], peak_bytes=7, note="n")
        self.assertEqual({name: entry[name] for name in entry if name != "ms"},
                         {"subject": "BERT-base", "framework": "pytorch", "measure": "training_step", "path": "eager",
                          "attention": "sdpa", "dtype": "bf16", "layout": "dense", "sequences": 32, "length": 512,
                          "padded_fraction": 0.0, "valid_tokens": 16384, "tokens_per_second": 16384 / 0.05,
                          "peak_bytes": 7, "note": "n"})
        self.assertEqual(set(entry["ms"]), {"p10", "p50", "p90", "p95", "p99", "mean", "samples"})
        self.assertNotIn("peak_bytes", records.record(JOB, "bf16", [50.0]))

    def test_plain_way_is_labelled_logits_on_a_rounded_vocabulary(self):
        def ways(**options):
            return [(job.length, job.way) for job in plan.plan(["BERT-base"], True, ["training_step"], ["eager"],
                                                               [512, 4096], 16384, True, **options)]
        self.assertEqual(ways(), [(512, "eager"), (4096, "eager"), (512, "eager, all logits")])
        self.assertEqual(ways(loss="labelled"), [(512, "eager"), (4096, "eager")])
        self.assertEqual(ways(loss="all"), [(512, "eager, all logits"), (4096, "eager, all logits")])
        self.assertEqual(ways(loss="labelled", vocabulary="both"),
                         [(512, "eager"), (4096, "eager"), (512, "eager, vocabulary 30522"),
                          (4096, "eager, vocabulary 30522")])
        self.assertEqual(ways(loss="all", vocabulary="shipped")[0], (512, "eager, vocabulary 30522, all logits"))
        jobs = plan.plan(["BERT-base"], True, ["latency"], ["eager"], [512], 16384, True)
        self.assertEqual([(job.way, job.vocabulary) for job in jobs], [("eager", 30522)])  # no decoder, so as shipped

    def test_plan_has_the_most_useful_rows_first(self):
        jobs = plan.plan(plan.MODELS, False, ["training_step", "latency"], plan.PATHS, [512, 1024, 2048, 4096], 16384,
                         True)
        order = [(job.measure, job.way) for job in jobs]
        for begin, end, expected in ((0, 20, ("training_step", "eager")), (20, 40, ("latency", "eager")),
                                     (40, 60, ("latency", "graph")), (60, 65, ("training_step", "eager, all logits")),
                                     (65, 71, ("latency", "graph")), (71, 73, ("latency", "compiled + graph")),
                                     (73, 79, ("training_step", "compiled")), (79, 81, ("training_step", "eager"))):
            self.assertEqual(order[begin:end], [expected] * (end - begin))
        for block in (jobs[:20], jobs[20:40], jobs[40:60]):
            self.assertEqual({(job.model, job.length) for job in block},
                             {(model, length) for model in plan.MODELS for length in (512, 1024, 2048, 4096)})
        self.assertEqual([job.length for job in jobs[60:65]], [512] * 5)
        self.assertEqual([(job.attention, job.length) for job in jobs[65:71]],
                         [(plan.SDPA, 512), (plan.SDPA, 4096)] * 3)
        self.assertEqual([(job.model, job.length) for job in jobs[71:73]], [("BERT-base", 512), ("BERT-base", 4096)])
        compiled = ["BERT-base", "ALBERT-base", "ModernBERT-base"]
        self.assertEqual([(job.model, job.length) for job in jobs if job.path == "compiled" and job.rank[0] in (6, 8)],
                         [(model, length) for length in (512, 4096, 1024, 2048) for model in compiled])
        self.assertEqual(len(jobs), len({records.key(records.identity(job, "bf16")) for job in jobs}))

    def test_models_that_are_named_run_in_every_way(self):
        jobs = plan.plan(["Longformer-base"], True, ["training_step", "latency"], plan.PATHS, [512, 1024], 16384, True)
        self.assertEqual(sorted({job.path for job in jobs}), ["compiled", "compiled + graph", "eager", "graph"])

    def test_traced_models_get_no_mask_first(self):
        for path in ("graph", "compiled"):
            self.assertEqual(plan.attentions("BERT-base", path, True)[0], (plan.NO_MASK, True))
        self.assertEqual(plan.attentions("ModernBERT-base", "eager", False), [(plan.SDPA, True)])

    def test_bad_arguments_are_one_line_and_exit_2(self):
        for argv, said in {
                ("--models", "GPT"): "--models: expected BERT-base, ", ("--models", ""): "got ''",
                ("--lengths", "500"): "expected divisors of --tokens 16384, got 500",
                ("--lengths", "8"): "at least 16, got 8", ("--lengths", "a,512"): "got 'a,512'",
                ("--samples", "0"): "--samples: expected at least 1, got 0", ("--samples", "x"): "--samples",
                ("--time-limit", "nan"): "--time-limit: expected more than 0", ("--nope",): "--nope",
                ("--device", "tpu"): "--device",
                ("--paths", "graph", "--measures", "training_step"): "nothing to measure",
                ("--paths", "graph", "--device", "cpu"): "nothing to measure",
                ("--json", "none/such.json"): "make the folder", ("--json", "peers.txt"): "ends in .json",
                ("--join", "none.json"): "none.json"}.items():
            code, out, err = run(*argv)
            self.assertEqual((code, out, err.count("\n")), (2, "", 1), f"{argv}: {err}")
            self.assertIn(said, err)

    def test_failures_are_noted_and_the_others_measured(self):
        FakeBench.fate = {"BERT-base": out_of_memory, "ALBERT-base": overtime}
        code, out, err = run("--paths", "eager", "--measures", "latency", "--lengths", "512", "--json", "fails.json")
        report = records.read("fails.json")
        self.assertEqual(code, 0, err)
        self.assertEqual([(e["subject"], e["reason"]) for e in report["not_measured"]],
                         [("BERT-base", "RuntimeError: CUDA out of memory."),
                          ("ALBERT-base", "Overtime: compilation took more than 1 s")])
        self.assertEqual({e["subject"] for e in report["records"]},
                         {"ModernBERT-base", "Longformer-base", "BigBird-base"})
        self.assertIn("not measured: BERT-base latency 512 eager (sdpa): RuntimeError", out)

    def test_what_was_measured_before_a_kill_is_there(self):
        def killed():
            raise KeyboardInterrupt
        FakeBench.fate = {"ModernBERT-base": killed}
        code, _, err = run("--paths", "eager", "--measures", "latency", "--lengths", "512", "--json", "killed.json")
        self.assertEqual(code, 130, err)
        self.assertEqual([e["subject"] for e in records.read("killed.json")["records"]], ["BERT-base", "ALBERT-base"])
        self.assertEqual([name for name in os.listdir(".") if "partial" in name], [])

    def test_a_lost_device_ends_the_run_with_7(self):
        FakeBench.fate, FakeBench.alive = {"ALBERT-base": out_of_memory}, False
        code, _, err = run("--paths", "eager", "--measures", "latency", "--lengths", "512", "--json", "lost.json")
        self.assertEqual(code, 7, err)
        report = records.read("lost.json")
        self.assertEqual((len(report["records"]), len(report["not_measured"])), (1, 5))

    def test_a_compilation_ends_with_the_time_limit(self):
        limits = []

        def note_limit(bench, job):
            limits.append(bench.compile_limit)
            return [1.0], 1, ""
        with mock.patch.object(FakeBench, "run", note_limit), \
                mock.patch.object(bench_peers.time, "monotonic", iter(range(0, 1000, 100)).__next__):
            run("--models", "BERT-base", "--paths", "eager", "--measures", "latency", "--time-limit", "250")
        self.assertEqual(limits, [120, 50])

    def test_no_measurement_begins_after_the_time_limit(self):
        with mock.patch.object(bench_peers.time, "monotonic", iter(range(0, 1000, 10)).__next__):
            code, _, err = run("--paths", "eager", "--measures", "latency", "--lengths", "512", "--time-limit", "25",
                               "--json", "time.json")
        report = records.read("time.json")
        self.assertEqual((code, len(report["records"]), len(report["not_measured"])), (0, 2, 4), err)

    def test_joined_reports_keep_the_later_of_equal_records(self):
        slow, fast = records.record(JOB, "bf16", [9.0]), records.record(JOB, "bf16", [5.0])
        other = plan.Job("ALBERT-base", "latency", "graph", "sdpa", 1, 512, 30000)
        first = {"device": "a", "command": "1", "records": [slow], "not_measured": [
            records.not_measured(other, "bf16", "out of memory")]}
        second = {"device": "a", "command": "2", "records": [fast], "not_measured": [
            records.not_measured(JOB, "bf16", "x")]}
        joined = records.join([first, second])
        self.assertEqual((joined["device"], joined["command"]), ("a", "1; 2"))
        self.assertEqual([e["ms"]["p50"] for e in joined["records"]], [5.0])
        self.assertEqual([e["reason"] for e in joined["not_measured"]], ["out of memory"])
        self.assertRaisesRegex(records.FileError, "of one device, got a and b", records.join,
                               [first, {**second, "device": "b"}])

    def test_join_writes_one_file(self):
        for name, ms in (("a.json", 3.0), ("b.json", 2.0)):
            records.write(name, {"command": name, "records": [records.record(JOB, "bf16", [ms])]})
        code, out, err = run("--join", "a.json,b.json", "--json", "all.json")
        self.assertEqual(code, 0, err)
        self.assertEqual(records.read("all.json")["records"][0]["ms"]["p50"], 2.0)
        self.assertIn("BERT-base", out)

    def test_damaged_files_are_named(self):
        for text in ("{", "[]", '{"records": 3}', '{"records": [1]}', '{"records": [{"subject": "x"}]}',
                     '{"records": [], "not_measured": 3}'):
            with open("damaged.json", "w", encoding="utf-8") as file:
                file.write(text)
            code, _, err = run("--join", "damaged.json")
            self.assertEqual((code, err.count("\n")), (2, 1), f"{text}: {err}")
            self.assertIn("damaged.json", err)

    def joined(self, change):
        """What joining a good record says after `change`, as run() has it."""
        entry = records.record(JOB, "bf16", [2.0, 3.0])
        change(entry)
        records.write("given.json", {"records": [entry]})
        return run("--join", "given.json")

    def test_records_of_others_may_lack_tail_times(self):
        code, out, err = self.joined(lambda entry: [entry["ms"].pop(name) for name in ("p95", "p99", "mean")])
        self.assertEqual((code, err), (0, ""))
        self.assertRegex(out, r"2\.5 +2\.1 +2\.9 +- ")

    def test_damaged_records_are_one_line_and_exit_2(self):
        for name, value, said in (
                ("subject", "a\nb", "records[0]: subject: expected text without control characters"),
                ("path", "\x1b[31m", "path: expected text without control"), ("attention", None, "attention"),
                ("length", "512", "length: expected a whole number"), ("sequences", True, "sequences"),
                ("valid_tokens", 0, "at least 1, got 0"), ("padded_fraction", "x", "padded_fraction"),
                ("ms", 3, "ms.p10: expected a time above 0"), ("ms", {"p10": 1, "p50": 0, "p90": 1}, "ms.p50"),
                ("ms", {"p10": 1, "p50": 1, "p90": float("nan")}, "ms.p90"),
                ("ms", {"p10": 1, "p50": 1, "p90": 1, "p99": "x"}, "p99: expected a number"),
                ("peak_bytes", "many", "peak_bytes: expected a number")):
            code, out, err = self.joined(lambda entry: entry.update({name: value}))
            self.assertEqual((code, out, err.count("\n")), (2, "", 1), f"{name}: {err}")
            self.assertIn(said, err)
            self.assertIn("given.json", err)
            self.assertTrue(err[:-1].isprintable(), err)

    def test_control_characters_stay_out_of_messages_and_names(self):
        for argv in (("--models", "a\nb"), ("--join", "a\x1b.json"), ("--json", "a\tb.json"), ("--lengths", "1\r2")):
            code, _, err = run(*argv)
            self.assertEqual((code, err.count("\n")), (2, 1), err)
            self.assertTrue(err[:-1].isprintable(), err)
        self.assertIn("without control characters", run("--json", "a\tb.json")[2])

    def test_fastest_way_is_marked(self):
        ways = [records.record(plan.Job("BERT-base", "latency", path, "sdpa", 1, 512, 30522), "bf16", [ms])
                for path, ms in (("eager", 5.0), ("graph", 1.0), ("compiled", 2.0))]
        marked = [line for line in records.table({"records": ways}) if line.startswith("*")]
        self.assertEqual(len(marked), 1)
        self.assertIn("graph", marked[0])


if __name__ == "__main__":
    unittest.main(verbosity=1)
