"""The public encoders as transformers builds them from configurations, with random weights. Nothing is downloaded."""
from peers.plan import FLASH, FLEX, NO_MASK, OWN, SDPA, shipped_vocabulary

# A name with "flash" in it would make the library look for a kernel of its own.
LIBRARY_NAMES = {SDPA: "sdpa", NO_MASK: "sdpa_no_mask", FLASH: "local_window", FLEX: "flex_attention", OWN: "eager"}
SMALL = dict(hidden_size=64, num_hidden_layers=3, num_attention_heads=2, intermediate_size=128)


def configuration(job):
    """Its shipped base configuration with dropout 0 and room for `length` positions."""
    import transformers
    length, tiny = job.length, job.tiny
    none = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    base = dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072)
    size = SMALL if tiny else base
    # So large that every layer changes the stream much: a wrong attention shows in the output.
    common = dict(vocab_size=job.vocabulary, initializer_range=size["hidden_size"] ** -0.5, **size)
    if job.model == "BERT-base":
        return transformers.BertConfig(max_position_embeddings=max(length, 512), **common, **none)
    if job.model == "ALBERT-base":
        return transformers.AlbertConfig(max_position_embeddings=max(length, 512), embedding_size=32 if tiny else 128,
                                         **common, **none)
    if job.model == "ModernBERT-base":
        if tiny:
            return transformers.ModernBertConfig(local_attention=32, pad_token_id=0, bos_token_id=1, cls_token_id=1,
                                                 eos_token_id=2, sep_token_id=2, **common)
        return transformers.ModernBertConfig(vocab_size=job.vocabulary, max_position_embeddings=max(length, 8192),
                                             initializer_range=common["initializer_range"])
    if job.model == "Longformer-base":
        return transformers.LongformerConfig(max_position_embeddings=max(length, 4096 if not tiny else 0) + 2,
                                             attention_window=32 if tiny else 512, pad_token_id=1, type_vocab_size=1,
                                             layer_norm_eps=1e-5, **common, **none)
    if job.model == "BigBird-base":
        return transformers.BigBirdConfig(max_position_embeddings=max(length, 4096), block_size=16 if tiny else 64,
                                          **common, **none)
    raise ValueError(f"unknown model {job.model}")


def register_attentions(torch):
    """Two implementations the library does not have, through its interface. What is registered as attention but not as
    mask gets no mask built."""
    from transformers import AttentionInterface
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    def flash_local(module, query, key, value, attention_mask, scaling=None, sliding_window=None, **rest):
        if sliding_window is None:
            return sdpa_attention_forward(module, query, key, value, None, scaling=scaling, is_causal=False)
        # The library's number counts the token itself, the kernel's does not.
        reach, length = sliding_window - 1, query.shape[2]
        out = torch.ops.aten._flash_attention_forward(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), None, None, length, length, 0.0, False,
            False, scale=scaling, window_size_left=reach, window_size_right=reach)
        return out[0], None

    def sdpa_no_mask(module, query, key, value, attention_mask, scaling=None, **rest):
        return sdpa_attention_forward(module, query, key, value, None, scaling=scaling, is_causal=False)

    AttentionInterface.register(LIBRARY_NAMES[FLASH], flash_local)
    AttentionInterface.register(LIBRARY_NAMES[NO_MASK], sdpa_no_mask)


def build(torch, job, device):
    """The masked-language model, fp32, made on the device."""
    import transformers
    config = configuration(job)
    torch.manual_seed(1)
    with torch.device(device):
        model = transformers.AutoModelForMaskedLM.from_config(config, attn_implementation=LIBRARY_NAMES[job.attention])
    return model.to(device)


def encoder(model):
    """Ends with the last hidden state; no pooler."""
    return model.base_model


def head(model):
    """From hidden states to logits."""
    for name in ("cls", "predictions", "lm_head"):
        if hasattr(model, name):
            return getattr(model, name)
    return lambda hidden: model.decoder(model.head(hidden))


def vocabulary_note(job):
    shipped = shipped_vocabulary(job.model, job.tiny)
    rounded = f", rounded up from {shipped} to a multiple of 8" if job.vocabulary != shipped else ""
    return f"vocabulary {job.vocabulary}{rounded}"


def use_reference_attention(model):
    """Switches to the library's own attention; returns what switches back."""
    before = model.config._attn_implementation
    model.config._attn_implementation = "sdpa"

    def back():
        model.config._attn_implementation = before
    return back


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())
