"""The checks of peers.measure before the clock, with numbers in place of tensors: needs no torch."""
import contextlib
import math
import types
import unittest

from peers import plan
from peers.measure import Bench, Differs


class Numbers(list):
    """As much of a tensor as the checks use."""

    def double(self):
        return self

    def __sub__(self, other):
        return Numbers(a - b for a, b in zip(self, other, strict=True))

    def norm(self):
        return Number(math.sqrt(sum(value * value for value in self)))

    def __getitem__(self, place):
        return Numbers(list.__getitem__(self, place))

    @property
    def shape(self):
        return (1, len(self))

    def flatten(self, first, last):
        return Rows(self)


class Number(float):
    def __add__(self, other):
        return Number(float(self) + other)

    def __truediv__(self, other):
        return Number(float(self) / other)

    def item(self):
        return float(self)


class Rows(Numbers):
    def __getitem__(self, rows):
        return Numbers(list(self)[row] for row in rows)


class RowNumbers(list):
    def __lt__(self, bound):
        return [row < bound for row in self]

    def __getitem__(self, chosen):
        return RowNumbers(row for row, keep in zip(list(self), chosen, strict=True) if keep)


class Model:
    """A model whose output depends on the attention that is set."""

    def __init__(self, attention, outputs):
        self.config = types.SimpleNamespace(_attn_implementation=attention)
        self.outputs, self.asked = outputs, []

    def __call__(self, input_ids):
        self.asked.append(self.config._attn_implementation)
        found = Numbers(self.outputs[self.config._attn_implementation])
        return types.SimpleNamespace(last_hidden_state=found, logits=Numbers(2 * value for value in found))


def bench():
    made = object.__new__(Bench)
    made.device, made.dtype = "cpu", "fp32"
    made.torch = types.SimpleNamespace(no_grad=contextlib.nullcontext, bfloat16=None,
                                       autocast=lambda *rest, **named: contextlib.nullcontext())
    return made


def job(attention):
    return plan.Job("ModernBERT-base", "latency", "eager", attention, 1, 4, 50368)


class CheckTest(unittest.TestCase):
    def test_require_lets_rounding_pass_and_nothing_larger(self):
        expected = Numbers([3.0, 4.0])  # of norm 5
        bench().require("x", Numbers([3.0, 4.2]), expected)
        for found in ([3.0, 4.3], [0.0, 0.0], [4.0, 3.0], [math.nan, 4.0], [math.inf, 4.0]):
            with self.assertRaisesRegex(Differs, r"^x: relative difference \S+, expected at most 0.05; not timed$"):
                bench().require("x", Numbers(found), expected)

    def test_attention_of_ours_must_agree_with_the_library(self):
        for attention, name in ((plan.FLASH, "local_window"), (plan.NO_MASK, "sdpa_no_mask"),
                                (plan.FLEX, "flex_attention")):
            for ours, agrees in (([1.0, 2.0], True), ([1.0, 2.4], False)):
                model = Model(name, {name: ours, "sdpa": [1.0, 2.0]})
                if agrees:
                    bench().check_attention(job(attention), model, model, Numbers([5, 6, 7, 8]))
                else:
                    with self.assertRaisesRegex(Differs, f"encoder with attention '{attention}'"):
                        bench().check_attention(job(attention), model, model, Numbers([5, 6, 7, 8]))
                self.assertEqual(model.asked, [name, "sdpa"])
                self.assertEqual(model.config._attn_implementation, name)  # what is timed afterwards

    def test_attention_is_switched_back_after_a_failure(self):
        model = Model("local_window", {"local_window": [1.0]})
        with self.assertRaises(KeyError):
            bench().check_attention(job(plan.FLASH), model, model, Numbers([5]))
        self.assertEqual(model.config._attn_implementation, "local_window")

    def test_the_library_alone_is_not_compared(self):
        for attention in (plan.SDPA, plan.OWN):
            model = Model("sdpa", {})
            bench().check_attention(job(attention), model, model, Numbers([5]))
            self.assertEqual(model.asked, [])

    def test_labelled_logits_must_be_those_of_the_whole_model(self):
        model, rows = Model("sdpa", {"sdpa": [1.0, 2.0, 3.0, 4.0]}), RowNumbers([1, 3, 5])  # 5: of the next sequence

        class Ids(Numbers):
            def __getitem__(self, place):
                return self

        def check(head):
            bench().check_labelled(model, model, head, Ids([5, 6, 7, 8]), rows, contextlib.nullcontext)

        check(lambda hidden: Numbers(2 * value for value in hidden))
        self.assertRaisesRegex(Differs, "logits where there is a label", check, lambda hidden: hidden)
        self.assertRaisesRegex(Differs, "logits", check, lambda hidden: Numbers(2 * value for value in hidden[::-1]))


if __name__ == "__main__":
    unittest.main(verbosity=1)
