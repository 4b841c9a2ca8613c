"""A model of two layers with random weights, made on the spot: real files and real servers, and answers of no sense.

tiny.llama(folder)             as transformers saves one: weights, tokenizer, chat template
tiny.gguf_file(folder, path)   the same model as llama.cpp reads it
"""

from __future__ import annotations

import json
from pathlib import Path

TEXTS = ("Name three fruits.", "The river follows a longer way around the hill.", "What is seven times eight?") * 4
WORDS = 320
CONTEXT = 1024
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def llama(folder: Path) -> Path:
    """Make the model and its tokenizer; the same weights each time."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    bpe.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=WORDS, initial_alphabet=alphabet, special_tokens=special)
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe, bos_token=special[0], eos_token=special[2], pad_token=special[0], chat_template=TEMPLATE
    )
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():  # a push towards the token that ends an answer: about half end within 24 tokens
        model.model.embed_tokens.weight += 0.02
        model.lm_head.weight[tokenizer.eos_token_id] = 0.01
    model.generation_config.do_sample = True  # what a server does where a request does not say
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def gguf_file(folder: Path, path: Path) -> Path:
    """Write the model in llama.cpp's format. Weights are random: the order within a head, which it expects, is moot."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((folder / "config.json").read_text())
    spoken = json.loads((folder / "tokenizer.json").read_text())
    special = {token["id"] for token in spoken["added_tokens"]}
    vocabulary = sorted(spoken["model"]["vocab"], key=spoken["model"]["vocab"].get)
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in spoken["model"]["merges"]]

    out = gguf.GGUFWriter(path, "llama")
    out.add_context_length(CONTEXT)
    out.add_embedding_length(config["hidden_size"])
    out.add_feed_forward_length(config["intermediate_size"])
    out.add_block_count(config["num_hidden_layers"])
    out.add_head_count(config["num_attention_heads"])
    out.add_head_count_kv(config["num_key_value_heads"])
    out.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    out.add_layer_norm_rms_eps(config["rms_norm_eps"])
    out.add_vocab_size(len(vocabulary))
    out.add_tokenizer_model("gpt2")
    out.add_tokenizer_pre("gpt-2")
    out.add_token_list(vocabulary)
    kinds = (gguf.TokenType.NORMAL, gguf.TokenType.CONTROL)
    out.add_token_types([kinds[i in special] for i in range(len(vocabulary))])
    out.add_token_merges(merges)
    out.add_bos_token_id(config["bos_token_id"])
    out.add_eos_token_id(config["eos_token_id"])
    out.add_add_bos_token(False)
    out.add_chat_template(TEMPLATE)

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, tensor in load_file(folder / "model.safetensors").items():
        out.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.astype("float32"))
    out.write_header_to_file()
    out.write_kv_data_to_file()
    out.write_tensors_to_file()
    out.close()
    return path
