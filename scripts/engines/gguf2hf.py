"""Turns a GGUF file of a Llama-like model into a Hugging Face folder.

usage: gguf2hf.py MODEL.gguf FOLDER

The weights are written as bfloat16; the tokenizer comes out of the same file.
"""

import json
import pathlib
import sys

import gguf
import numpy
import torch
from gguf.quants import dequantize
from safetensors.torch import save_file
from transformers import AutoTokenizer

# llama.cpp's names of a layer's tensors, and those of transformers.
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
COMPUTED = {"rope_freqs"}  # transformers derives it from the configuration


def config(reader, tied):
    def field(name):
        return reader.fields[name].contents()

    architecture = field("general.architecture")
    if architecture != "llama":
        sys.exit(f"gguf2hf: {architecture} is no Llama-like model")
    heads, hidden = field("llama.attention.head_count"), field("llama.embedding_length")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": field("llama.feed_forward_length"),
        "num_hidden_layers": field("llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "head_dim": hidden // heads,
        "max_position_embeddings": field("llama.context_length"),
        "rms_norm_eps": float(field("llama.attention.layer_norm_rms_epsilon")),
        "rope_theta": float(field("llama.rope.freq_base")),
        "hidden_act": "silu",
        "vocab_size": len(field("tokenizer.ggml.tokens")),
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
        "tie_word_embeddings": tied,
        "torch_dtype": "bfloat16",
    }


def halves(weight, heads):
    """Puts the two halves of each head's rotation apart; llama.cpp interleaves them."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).transpose(1, 2).reshape(rows, columns)


def weights(reader, heads, kv_heads):
    out = {}
    for tensor in reader.tensors:
        name = tensor.name.removesuffix(".weight")
        if name in COMPUTED:
            continue
        values = numpy.array(dequantize(tensor.data, tensor.tensor_type), dtype=numpy.float32)
        weight = torch.from_numpy(values).to(torch.bfloat16)
        if name in OUTSIDE:
            to = OUTSIDE[name]
        else:
            _, layer, part = name.split(".")
            to = f"model.layers.{layer}.{LAYER[part]}"
            if part in ("attn_q", "attn_k"):
                weight = halves(weight, heads if part == "attn_q" else kv_heads)
        out[to + ".weight"] = weight.contiguous()
    return out


def main(source, folder):
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(source)
    tied = all(t.name != "output.weight" for t in reader.tensors)
    settings = config(reader, tied)
    out = weights(reader, settings["num_attention_heads"], settings["num_key_value_heads"])
    save_file(out, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(settings, indent=1))
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(folder)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
