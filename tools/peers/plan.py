"""What is measured, and in which order: the most useful rows first, so that a run cut short is worth having."""
import dataclasses

MODELS = ("BERT-base", "ALBERT-base", "ModernBERT-base", "Longformer-base", "BigBird-base")
VOCABULARY = {"BERT-base": 30522, "ALBERT-base": 30000, "ModernBERT-base": 50368, "Longformer-base": 50265,
              "BigBird-base": 50358}
MEASURES = ("training_step", "latency", "throughput")
DEFAULT_MEASURES = "training_step,latency"
PATHS = ("eager", "graph", "compiled")
COMPILED_LENGTHS = (512, 4096)
TINY_VOCABULARY = 509

SDPA, NO_MASK, FLASH, FLEX, OWN = ("sdpa", "sdpa, no mask built", "flash local, sdpa global", "flex", "own")
COMPILED_GRAPH = "compiled + graph"


@dataclasses.dataclass(frozen=True)
class Job:
    model: str
    measure: str
    path: str
    attention: str
    sequences: int
    length: int
    vocabulary: int
    labelled: bool = False  # logits only where there is a label
    tiny: bool = False
    rank: int = 0

    @property
    def subject(self):
        return self.model.replace("-base", "-tiny") if self.tiny else self.model

    @property
    def way(self):
        """How it was run, as the record's path has it."""
        rounded = self.measure == "training_step" and self.vocabulary != shipped_vocabulary(self.model, self.tiny)
        return (self.path + (f", vocabulary {self.vocabulary}" if rounded else "") +
                (", labelled logits" if self.labelled else ""))


def shipped_vocabulary(model, tiny):
    return TINY_VOCABULARY if tiny else VOCABULARY[model]


def attentions(model, path, cuda):
    """(implementation, is it the one to run first), best expected first."""
    if model in ("Longformer-base", "BigBird-base"):
        return [(OWN, True)]
    if model == "ModernBERT-base":
        # The kernel with a window runs on the GPU only.
        ways = [(FLASH, True), (SDPA, False)] if cuda else [(SDPA, True)]
        return ways + ([(FLEX, False)] if path == "compiled" and cuda else [])
    # Outside of tracing the library itself builds no mask when every token is valid.
    return [(SDPA, True)] if path == "eager" else [(NO_MASK, True), (SDPA, False)]


def rank(measure, path, first, shipped):
    training = measure == "training_step"
    if path == "eager":
        return (0 if training else 1) if first and shipped else 4
    if path == "graph":
        return 2 if first else 5
    if path == "compiled" and training:
        return 3 if first else 7
    return 6 if first else 8


def plan(models, named, measures, paths, lengths, tokens, cuda, vocabulary, labelled, tiny=False):
    """Jobs in the order of their worth. `named`: the models were asked for by name."""
    jobs = []
    for measure in measures:
        ways = [path for path in paths if not (path == "graph" and measure == "training_step")]
        if measure != "training_step" and {"graph", "compiled"} <= set(paths):
            ways.append(COMPILED_GRAPH)
        for path in ways:
            if "graph" in path and not cuda:
                continue
            for model in models:
                if "compiled" in path and model in ("Longformer-base", "BigBird-base") and not named:
                    continue  # minutes of compilation; asked for by name they are tried
                shipped = shipped_vocabulary(model, tiny)
                rounded = (shipped + 7) // 8 * 8
                # Traced products are padded by the compiler itself; the encoder alone has no decoder.
                both = measure == "training_step" and path == "eager" and rounded != shipped
                sizes = {"shipped": [shipped], "rounded": [rounded], "both": [shipped, rounded] if both else [shipped]}
                for attention, first in attentions(model, path, cuda):
                    for length in lengths:
                        if "compiled" in path and not named and length not in COMPILED_LENGTHS:
                            continue
                        for size in sizes[vocabulary]:
                            jobs.append(Job(model, measure, path, attention,
                                            1 if measure == "latency" else tokens // length, length, size,
                                            labelled and measure == "training_step", tiny,
                                            rank(measure, path, first, size == sizes[vocabulary][0])))
    return sorted(jobs, key=lambda job: job.rank)
