"""Times one job with torch: warm-up, then marks on the device and no wait between them."""
import contextlib
import gc
import signal
import time

from peers import models
from peers.plan import NO_MASK, FLASH, FLEX

LABEL_SHARE, CLIP_NORM, IGNORED = 0.15, 1.0, -100
WARM_UP = 3
SECONDS = {"training_step": 2.0, "latency": 5.0, "throughput": 2.0}  # after which samples are fewer, down to 8
TOLERANCE = 5e-2  # relative, bf16 through up to 22 layers of random weights


class Overtime(BaseException):
    """A compilation took too long. No Exception, so that the compiler does not wrap it."""


class Differs(Exception):
    """What was to be timed computes something else."""


@contextlib.contextmanager
def time_limit(seconds):
    def stop(number, frame):
        raise Overtime(f"compilation took more than {seconds:.3g} s")
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Bench:
    compile_limit = 120.0  # seconds for one compilation

    def __init__(self, torch, device, dtype, samples, calls):
        self.torch, self.device, self.dtype = torch, device, dtype
        self.samples, self.calls = samples, calls
        self.cuda = device == "cuda"
        models.register_attentions(torch)

    def run(self, job):
        """(milliseconds, peak bytes, note); raises what the library raises."""
        try:
            return self.training_step(job) if job.measure == "training_step" else self.forward(job)
        finally:
            if "compiled" in job.path or job.attention == FLEX:
                self.torch.compiler.reset()

    def clean(self):
        gc.collect()
        if self.cuda:
            self.torch.cuda.empty_cache()

    def works(self):
        """Does the device still answer, random numbers included? A failed recording can end that."""
        try:
            self.torch.empty(8, device=self.device).normal_()
            self.wait()
            return True
        except RuntimeError:
            return False

    def wait(self):
        if self.cuda:
            self.torch.cuda.synchronize()

    def peak(self, reset=False):
        if not self.cuda:
            return None
        if reset:
            self.torch.cuda.reset_peak_memory_stats()
        return self.torch.cuda.max_memory_allocated()

    def compile_time(self, job):
        return time_limit(self.compile_limit) if "compiled" in job.path else contextlib.nullcontext()

    def ids(self, job):
        """Random tokens on the device, none of the special ones at the vocabulary's start."""
        generator = self.torch.Generator().manual_seed(job.length)
        shape = (job.sequences, job.length)
        return self.torch.randint(8, job.vocabulary - 8, shape, generator=generator).to(self.device), generator

    def require(self, what, found, expected):
        error = ((found.double() - expected.double()).norm() / (expected.double().norm() + 1e-30)).item()
        if not error <= TOLERANCE:
            raise Differs(f"{what}: relative difference {error:.3g}, expected at most {TOLERANCE}; not timed")

    # One whole step: forward, loss, backward, clipping, optimizer.
    def training_step(self, job):
        torch = self.torch
        model = models.build(torch, job, self.device).train()
        ids, generator = self.ids(job)
        rows = torch.randperm(ids.numel(), generator=generator)[:max(round(LABEL_SHARE * ids.numel()), 1)]
        rows = rows.sort().values.to(self.device)
        labels = torch.full((ids.numel(),), IGNORED, device=self.device)
        labels[rows] = ids.flatten()[rows]
        targets = labels[rows]
        encoder, head = models.encoder(model), models.head(model)

        def library_loss():
            return model(input_ids=ids, labels=labels.view_as(ids)).loss

        def labelled_loss():
            hidden = encoder(input_ids=ids).last_hidden_state.flatten(0, 1)[rows]
            return torch.nn.functional.cross_entropy(head(hidden).float(), targets)

        plain = labelled_loss if job.labelled else library_loss
        loss_of = plain
        if job.path == "compiled":
            loss_of = torch.compile(plain, dynamic=False)
        bf16 = self.dtype == "bf16"
        weights = list(model.parameters())
        optimizer = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.01, fused=self.cuda)

        def autocast():
            return torch.autocast(self.device, torch.bfloat16, enabled=bf16)

        def gradients(loss_of):
            optimizer.zero_grad(set_to_none=True)
            with autocast():
                loss = loss_of()
            loss.backward()
            return torch.stack([loss.detach(), torch.nn.utils.clip_grad_norm_(weights, CLIP_NORM)])

        def step():
            found = gradients(loss_of)
            optimizer.step()
            return found

        begun = time.monotonic()
        with self.compile_time(job):
            self.check_attention(job, model, encoder, ids)
            if job.labelled:
                self.check_labelled(model, encoder, head, ids, rows, autocast)
            if job.path == "compiled":
                expected = gradients(plain)
                for what, x, y in zip(("loss", "gradient norm"), gradients(loss_of), expected):
                    self.require(f"{what} of the compiled step", x, y)
        seconds = time.monotonic() - begun
        for _ in range(WARM_UP):
            step()
        self.wait()
        begun = time.monotonic()
        last = step()
        self.wait()
        steps = self.count(job.measure, time.monotonic() - begun, self.samples)
        self.peak(reset=True)
        milliseconds = self.between_marks(step, steps)
        if not torch.isfinite(last).all():
            raise Differs(f"loss and gradient norm are {last.tolist()} after the warm-up; not timed")
        note = [f"{models.parameters(model) / 1e6:.1f}M parameters",
                "logits where there is a label" if job.labelled else "logits at every position",
                models.vocabulary_note(job)]
        if job.path == "compiled":
            note.append(f"first step with compilation {seconds:.0f} s")
        return milliseconds, self.peak(), "; ".join(note)

    def count(self, measure, seconds, most):
        return max(min(most, int(SECONDS[measure] / max(seconds, 1e-6))), min(most, 8))

    def between_marks(self, step, steps):
        if not self.cuda:
            marks = [time.perf_counter()]
            for _ in range(steps):
                step()
                marks.append(time.perf_counter())
            return [(b - a) * 1e3 for a, b in zip(marks, marks[1:])]
        marks = [self.torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
        marks[0].record()
        for mark in marks[1:]:
            step()
            mark.record()
        marks[-1].synchronize()
        return [a.elapsed_time(b) for a, b in zip(marks, marks[1:])]

    def by_device(self, call):
        return self.between_marks(call, 1)[0] if self.cuda else self.to_completion(call)

    def to_completion(self, call):
        begun = time.perf_counter()
        call()
        self.wait()
        return (time.perf_counter() - begun) * 1e3

    # The encoder alone: latency from the host's call to the end of the work, throughput by the device's clock.
    def forward(self, job):
        torch = self.torch
        model = models.build(torch, job, self.device).eval()
        note = f"{models.parameters(models.encoder(model)) / 1e6:.1f}M parameters in the encoder"
        if self.dtype == "bf16":
            model = model.to(torch.bfloat16)
        encoder, (ids, _) = models.encoder(model), self.ids(job)
        # As ours: throughput takes two batches in turn, and a sample is both.
        batches = [ids, ids.flip(0, 1)] if job.measure == "throughput" else [ids]
        kept = [None] * len(batches)
        del model

        def plain(ids):
            return encoder(input_ids=ids).last_hidden_state

        encode = torch.compile(plain, dynamic=False) if "compiled" in job.path else plain

        def call():
            for i, batch in enumerate(batches):
                kept[i] = None
                kept[i] = encode(batch)

        with torch.no_grad():
            with self.compile_time(job):
                self.check_attention(job, encoder, encoder, ids)
                expected = plain(ids).float()
                call()
                self.require("output", kept[0].float(), expected)
            self.peak(reset=True)
            if "graph" in job.path:
                call = self.record_graph(call)
                call()
                self.wait()
                self.require("replay", kept[0].float(), expected)
            for _ in range(WARM_UP):
                call()
            self.wait()
            begun = time.monotonic()
            call()
            self.wait()
            seconds = time.monotonic() - begun
            if job.measure == "throughput":
                samples = self.count(job.measure, seconds, self.samples)
                milliseconds = [self.by_device(call) / len(batches) for _ in range(samples)]
            else:
                samples = self.count(job.measure, seconds, self.calls)
                milliseconds = [self.to_completion(call) for _ in range(samples)]
        return milliseconds, self.peak(), note

    def record_graph(self, call):
        torch = self.torch
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                call()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            call()
        return graph.replay

    def check_labelled(self, model, encoder, head, ids, rows, autocast):
        """Logits by encoder and head at the labelled rows, against those of the whole model: the first sequence's."""
        rows = rows[rows < ids.shape[1]]
        with self.torch.no_grad(), autocast():
            found = head(encoder(input_ids=ids[:1]).last_hidden_state.flatten(0, 1)[rows])
            expected = model(input_ids=ids[:1]).logits.flatten(0, 1)[rows]
        self.require("logits where there is a label", found, expected)

    def check_attention(self, job, model, encoder, ids):
        """Of ours: against the library's own, before the clock runs."""
        if job.attention not in (NO_MASK, FLASH, FLEX):
            return
        torch = self.torch
        ids = ids[:1]
        with torch.no_grad(), torch.autocast(self.device, torch.bfloat16, enabled=self.dtype == "bf16"):
            found = encoder(input_ids=ids).last_hidden_state
            back = models.use_reference_attention(model)
            try:
                expected = encoder(input_ids=ids).last_hidden_state
            finally:
                back()
        self.require(f"encoder with attention '{job.attention}'", found, expected)
