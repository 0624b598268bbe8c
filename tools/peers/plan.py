"""What is measured, and in which order: the most useful rows first, so that a run cut short is worth having."""
import dataclasses

MODELS = ("BERT-base", "ALBERT-base", "ModernBERT-base", "Longformer-base", "BigBird-base")
VOCABULARY = {"BERT-base": 30522, "ALBERT-base": 30000, "ModernBERT-base": 50368, "Longformer-base": 50265,
              "BigBird-base": 50358}
MEASURES = ("training_step", "latency", "throughput")
DEFAULT_MEASURES = "training_step,latency"
PATHS = ("eager", "graph", "compiled")
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
    labelled: bool = True  # logits only where there is a label, as our trainer has it; otherwise at every position
    tiny: bool = False
    rank: tuple = (0, 0)

    @property
    def subject(self):
        return self.model.replace("-base", "-tiny") if self.tiny else self.model

    @property
    def way(self):
        """How it was run, as the record's path has it."""
        if self.measure != "training_step":
            return self.path
        plain = self.vocabulary == rounded_vocabulary(self.model, self.tiny)
        return (self.path + ("" if plain else f", vocabulary {self.vocabulary}") +
                ("" if self.labelled else ", all logits"))


def shipped_vocabulary(model, tiny):
    return TINY_VOCABULARY if tiny else VOCABULARY[model]


def rounded_vocabulary(model, tiny):
    """Up to a multiple of 8, which the fast matrix products need."""
    return (shipped_vocabulary(model, tiny) + 7) // 8 * 8


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


def stage(model, measure, path, first, plain, end):
    """When it is run. `first`: on the attention to run first; `plain`: labelled logits, rounded vocabulary; `end`: at
    the shortest or the longest length."""
    training = measure == "training_step"
    if path == "eager":
        if not first:
            return 7
        return (0 if plain else 3) if training else 1
    if path == "graph":
        return 2 if first else 4
    if not first:
        return 10
    if path == COMPILED_GRAPH:
        return 5 if end and model == "BERT-base" else 9
    if training:
        return 6 if end else 8
    return 10


def worth_it(model, measure, path, first, end):
    """Is it measured when no model is asked for by name?"""
    compiled, forward = "compiled" in path, measure != "training_step"
    if compiled and model in ("Longformer-base", "BigBird-base"):
        return False  # minutes of compilation
    if compiled and forward and (not first or (path == "compiled" and not end)):
        return False  # never the fastest, as far as it was tried
    return first or end


def heads(path, lengths, length, loss):
    """Of a training step: with logits where there is a label, and without."""
    one_row = loss == "both" and path == "eager" and length == lengths[0]
    return ([] if loss == "all" else [True]) + ([False] if loss == "all" or one_row else [])


def plan(models, named, measures, paths, lengths, tokens, cuda, vocabulary="rounded", loss="both", tiny=False):
    """Jobs in the order of their worth. `named`: the models were asked for by name. `lengths` are sorted."""
    jobs = []
    by_worth = list(dict.fromkeys([lengths[0], lengths[-1], *lengths]))
    for measure in measures:
        training = measure == "training_step"
        ways = [path for path in paths if not (path == "graph" and training)]
        if not training and {"graph", "compiled"} <= set(paths):
            ways.append(COMPILED_GRAPH)
        for path in ways:
            if "graph" in path and not cuda:
                continue
            for model in models:
                shipped, rounded = shipped_vocabulary(model, tiny), rounded_vocabulary(model, tiny)
                sizes = {"shipped": [shipped], "rounded": [rounded], "both": [rounded, shipped]}[vocabulary]
                for attention, first in attentions(model, path, cuda):
                    for length in lengths:
                        end = length in by_worth[:2]
                        if not named and not worth_it(model, measure, path, first, end):
                            continue
                        for size in dict.fromkeys(sizes if training else [shipped]):
                            for labelled in heads(path, lengths, length, loss) if training else [True]:
                                if not labelled and loss == "both" and (not first or size != sizes[0]):
                                    continue
                                plain = size == sizes[0] and (labelled or loss == "all")
                                order = by_worth.index(length) if "compiled" in path else 0
                                jobs.append(Job(model, measure, path, attention,
                                                1 if measure == "latency" else tokens // length, length, size, labelled,
                                                tiny, (stage(model, measure, path, first, plain, end), order)))
    return sorted(jobs, key=lambda job: job.rank)
