#!/usr/bin/python3
"""The same training run by garam and by PyTorch, from the same weights over the same windows.

Usage: compare_with_torch.py GARAM WORK_DIR [--speed | --text FILE STEPS].
Alone: 20 steps of a tiny llama and a tiny gpt2, whose losses must agree to 1e-3.
--speed: tokens a second of a 3.25 M llama, both on two threads, one after the other.
--text: that llama on the first nine tenths of a text, STEPS of 4,096 tokens each; losses on the last tenth must agree to 2 %.
Exit code 77: PyTorch is not there (Debian: python3-torch, libopenblas0-pthread).
"""
import json
import math
import os
import struct
import subprocess
import sys
import time

# OpenBLAS 0.3.21 takes CPUs newer than itself for a Prescott: a sixth of the speed of its AVX-512 kernels.
if os.path.exists("/proc/cpuinfo") and " avx512f " in open("/proc/cpuinfo").read():
    os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")

try:
    import torch
    from torch import nn
    import torch.nn.functional as F
except ImportError as error:
    print(f"SKIPPED: no PyTorch ({error})")
    sys.exit(77)

SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
FORMS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}


def read_gguf(path):
    """Keys and f32 tensors of a GGUF file."""
    data = open(path, "rb").read()
    at = 0

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def text():
        nonlocal at
        size = take("Q")
        at += size
        return data[at - size:at].decode("utf-8", "replace")

    def value(kind):
        if kind == 8:
            return text()
        if kind == 9:
            element, count = take("I"), take("Q")
            return [value(element) for _ in range(count)]
        return take(FORMS[kind])

    assert data[:4] == b"GGUF"
    at = 8
    tensor_count, key_count = take("Q"), take("Q")
    keys = {}
    for _ in range(key_count):
        name = text()
        keys[name] = value(take("I"))
    entries = []
    for _ in range(tensor_count):
        name = text()
        shape = [take("Q") for _ in range(take("I"))]
        kind, offset = take("I"), take("Q")
        assert kind == 0, "expected f32"
        entries.append((name, shape, offset))
    start = (at + 31) // 32 * 32
    tensors = {}
    for name, shape, offset in entries:
        flat = torch.frombuffer(bytearray(data[start + offset:start + offset + 4 * math.prod(shape)]), dtype=torch.float32)
        tensors[name] = flat.reshape(shape[::-1]).clone()
    return keys, tensors


class Model(nn.Module):
    def __init__(self, keys, tensors):
        super().__init__()
        self.architecture = keys["general.architecture"]
        key = lambda name: keys[f"{self.architecture}.{name}"]
        self.layers, self.heads, self.kv_heads = key("block_count"), key("attention.head_count"), key("attention.head_count_kv")
        self.width = key("embedding_length")
        self.eps = key("attention.layer_norm_epsilon" if self.architecture == "gpt2" else "attention.layer_norm_rms_epsilon")
        self.head_dim = self.width // self.heads if self.architecture == "gpt2" else key("attention.key_length")
        if self.architecture != "gpt2":
            pairs = torch.arange(self.head_dim // 2, dtype=torch.float64)
            frequency = key("rope.freq_base") ** (-2 * pairs / self.head_dim)
            angles = torch.outer(torch.arange(key("context_length"), dtype=torch.float64), frequency)
            self.cos, self.sin = angles.cos().float(), angles.sin().float()
        self.p = nn.ParameterDict({name.replace(".", "/"): nn.Parameter(value) for name, value in tensors.items()})

    def at(self, name):
        return self.p[name.replace(".", "/")]

    def linear(self, name, x):
        bias = name + ".bias"
        return F.linear(x, self.at(name + ".weight"), self.at(bias) if bias.replace(".", "/") in self.p else None)

    def norm(self, name, x):
        if self.architecture == "gpt2":
            return F.layer_norm(x, (self.width,), self.at(name + ".weight"), self.at(name + ".bias"), self.eps)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.at(name + ".weight")

    def rotate(self, x):
        cos, sin = self.cos[:x.shape[-2]], self.sin[:x.shape[-2]]
        a, b = x[..., 0::2], x[..., 1::2]
        return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)

    def forward(self, tokens):
        batch, length = tokens.shape
        x = self.at("token_embd.weight")[tokens]
        if self.architecture == "gpt2":
            x = x + self.at("position_embd.weight")[:length]
        split = lambda y, heads: y.view(batch, length, heads, self.head_dim).transpose(1, 2)
        for i in range(self.layers):
            blk = f"blk.{i}."
            h = self.norm(blk + "attn_norm", x)
            if self.architecture == "gpt2":
                q, k, v = self.linear(blk + "attn_qkv", h).split(self.width, -1)
                q, k, v = split(q, self.heads), split(k, self.heads), split(v, self.heads)
            else:
                q = self.rotate(split(self.linear(blk + "attn_q", h), self.heads))
                k = self.rotate(split(self.linear(blk + "attn_k", h), self.kv_heads))
                v = split(self.linear(blk + "attn_v", h), self.kv_heads)
                k = k.repeat_interleave(self.heads // self.kv_heads, 1)
                v = v.repeat_interleave(self.heads // self.kv_heads, 1)
            scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim)
            mask = torch.ones(length, length, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(mask, float("-inf"))
            attended = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, -1)
            x = x + self.linear(blk + "attn_output", attended)
            h = self.norm(blk + "ffn_norm", x)
            if self.architecture == "gpt2":
                h = F.gelu(self.linear(blk + "ffn_up", h), approximate="tanh")
            else:
                h = F.silu(self.linear(blk + "ffn_gate", h)) * self.linear(blk + "ffn_up", h)
            x = x + self.linear(blk + "ffn_down", h)
        x = self.norm("output_norm", x)
        return F.linear(x, self.at("token_embd.weight"))


def learning_rate(config, step):
    if step < config["warmup"]:
        return config["learning_rate"] * (step + 1) / config["warmup"]
    done = (step - config["warmup"]) / (config["steps"] - config["warmup"])
    return config["min_learning_rate"] + (config["learning_rate"] - config["min_learning_rate"]) * 0.5 * (1 + math.cos(math.pi * done))


def train_torch(model, tokens, config):
    """Losses and seconds of every step."""
    decayed = [p for name, p in model.p.items() if name.endswith("weight") and not name.endswith("norm/weight")]
    plain = [p for name, p in model.p.items() if not (name.endswith("weight") and not name.endswith("norm/weight"))]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": config["weight_decay"]}, {"params": plain, "weight_decay": 0}],
                                  betas=(config["beta1"], config["beta2"]), eps=config["epsilon"])
    context, batch = config["context"], config["batch"]
    losses, seconds, at = [], [], 0
    for step in range(config["steps"]):
        began = time.monotonic()
        rows = [tokens[at + i * context:at + (i + 1) * context + 1] for i in range(batch)]
        at += batch * context
        both = torch.tensor(rows)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, step)
        logits = model(both[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), both[:, 1:].reshape(-1))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.p.values(), config["clip"])
        optimiser.step()
        losses.append(loss.item())
        seconds.append(time.monotonic() - began)
    return losses, seconds


def garam(program, *arguments):
    return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def write_vocabulary(path, size):
    """256 bytes and `size` - 257 pairs of letters, as GPT-2 writes them."""
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    letters, spare = {}, 256
    for byte in range(256):
        if byte in printable:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(spare)
            spare += 1
    tokens = [letters[b] for b in sorted(letters, key=lambda b: (b not in printable, b))]
    ordinary = [letters[b] for b in list(range(97, 123)) + list(range(65, 91)) + [ord(",")]]
    pairs = [(a, b) for a in ordinary for b in ordinary][:size - 257]
    tokens += [a + b for a, b in pairs] + ["<|endoftext|>"]

    def text(s):
        s = s.encode()
        return struct.pack("<Q", len(s)) + s

    def array(kind, items):
        return struct.pack("<IIQ", 9, kind, len(items)) + b"".join(items)

    keys = [("tokenizer.ggml.model", struct.pack("<I", 8) + text("gpt2")), ("tokenizer.ggml.pre", struct.pack("<I", 8) + text("gpt-2")),
            ("tokenizer.ggml.tokens", array(8, [text(t) for t in tokens])),
            ("tokenizer.ggml.token_type", array(5, [struct.pack("<i", 3 if t == tokens[-1] else 1) for t in tokens])),
            ("tokenizer.ggml.merges", array(8, [text(a + " " + b) for a, b in pairs])),
            ("tokenizer.ggml.eos_token_id", struct.pack("<II", 4, len(tokens) - 1))]
    with open(path, "wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)))
        for name, value in keys:
            file.write(text(name) + value)


def write_text(path, size):
    """Sentences of a small grammar: something to be learned, the same everywhere."""
    state, words = 1, []
    parts = (["the", "a", "one"], ["old", "small", "red", "quick"], ["fox", "queen", "boat", "tree"], ["sees", "finds", "wants"],
             ["the", "a"], ["lamp", "river", "kite"])
    while sum(map(len, words)) < size:
        sentence = []
        for choices in parts:
            state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
            sentence.append(choices[(state >> 33) % len(choices)])
        words.append(" ".join(sentence) + ".\n")
    open(path, "w").write("".join(words))


DEFAULTS = {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "clip": 1.0, "min_learning_rate": 1e-4, "shuffle": False,
            "evaluate_every": 0}
SMALL = {"layers": 6, "width": 192, "heads": 6, "hidden": 512}  # 3.25 M parameters with a vocabulary of 3,072


def train_both(program, path, config):
    """garam's losses, PyTorch's model and losses, and the seconds of both. path(name): of a file."""

    def run(name, **changes):
        json.dump({**config, **changes, "output": path(name)}, open(path("config.json"), "w"))
        garam(program, "train", path("config.json"), "--quiet", "--restart", "-t", "2")

    # A step of length 0 writes the weights that runs begin with.
    run("begin.gguf", steps=1, learning_rate=0, min_learning_rate=0)
    began = time.monotonic()
    run("end.gguf")
    seconds = time.monotonic() - began
    with open(path("end.gguf.csv")) as file:
        losses = [float(line.split(",")[2]) for line in file.read().splitlines()[1:]]
    tokens = tokenize(program, config["tokenizer"], config["data"])
    model = Model(*read_gguf(path("begin.gguf")))
    torch.set_num_threads(2)
    theirs, their_seconds = train_torch(model, tokens, config)
    return losses, model, theirs, seconds, their_seconds


def tokenize(program, vocabulary, text):
    return [int(id) for id in garam(program, "tokenize", "-m", vocabulary, "-f", text, "--no-bos").split()]


def compare(program, work, architecture, model, config):
    path = lambda name: os.path.join(work, f"{architecture}-{name}")
    vocabulary, text = path("vocabulary.gguf"), path("text.txt")
    write_vocabulary(vocabulary, config["vocab"])
    write_text(text, 6 * config["steps"] * config["batch"] * config["context"] + 1000)
    config = {**DEFAULTS, **config, "model": {"architecture": architecture, **model}, "tokenizer": vocabulary, "data": text}
    del config["vocab"]
    losses, _, theirs, seconds, their_seconds = train_both(program, path, config)
    return losses, theirs, seconds, their_seconds


def held_out_loss(model, tokens, context):
    total = 0.0
    starts = range(0, len(tokens) - context - 1, context)
    with torch.no_grad():
        for at in starts:
            window = torch.tensor([tokens[at:at + context + 1]])
            total += F.cross_entropy(model(window[:, :-1])[0], window[0, 1:]).item()
    return total / len(starts)


def compare_on_text(program, work, source, steps):
    path = lambda name: os.path.join(work, f"text-{name}")
    config = {**DEFAULTS, "model": {"architecture": "llama", **SMALL}, "tokenizer": path("vocabulary.gguf"), "data": path("train.txt"),
              "context": 256, "batch": 16, "steps": steps, "learning_rate": 1e-3, "warmup": 50}
    text = open(source, newline="").read()
    trained, held_out = text[:len(text) * 9 // 10], text[len(text) * 9 // 10:]
    open(path("once.txt"), "w", newline="").write(trained)
    open(path("held-out.txt"), "w", newline="").write(held_out)
    garam(program, "train-tokenizer", "--vocab-size", "3072", "-o", config["tokenizer"], path("once.txt"))
    # Over and over, since both take windows in order.
    tokens = len(tokenize(program, config["tokenizer"], path("once.txt")))
    times = steps * config["context"] * config["batch"] // tokens + 2
    open(config["data"], "w", newline="").write(trained * times)
    losses, model, theirs, seconds, their_seconds = train_both(program, path, config)
    unseen = tokenize(program, config["tokenizer"], path("held-out.txt"))
    ours = held_out_loss(Model(*read_gguf(path("end.gguf"))), unseen, config["context"])
    other = held_out_loss(model, unseen, config["context"])
    print(f"{steps * config['context'] * config['batch']} tokens, a text of {tokens}: garam {seconds:.0f} s, PyTorch {sum(their_seconds):.0f} s; "
          f"last losses {losses[-1]:.4f} and {theirs[-1]:.4f}; on {len(unseen)} unseen tokens {ours:.4f} and {other:.4f}, {abs(ours / other - 1):.2%} apart")
    return 0 if abs(ours / other - 1) <= 0.02 else 1


def main():
    program, work = sys.argv[1:3]
    os.makedirs(work, exist_ok=True)
    if "--text" in sys.argv:
        source, steps = sys.argv[sys.argv.index("--text") + 1:][:2]
        return compare_on_text(program, work, source, int(steps))
    if "--speed" in sys.argv:
        config = {"vocab": 3072, "context": 256, "batch": 16, "steps": 12, "learning_rate": 1e-3, "warmup": 4}
        losses, theirs, seconds, their_seconds = compare(program, work, "llama", SMALL, config)
        tokens = config["context"] * config["batch"]
        print(f"PyTorch {tokens * 10 / sum(their_seconds[2:]):.0f} tokens/s, garam with loading and writing "
              f"{tokens * config['steps'] / seconds:.0f} tokens/s, losses of the last step {theirs[-1]:.4f} and {losses[-1]:.4f}")
        return 0
    worst = 0
    config = {"vocab": 300, "context": 64, "batch": 4, "steps": 20, "learning_rate": 3e-3, "warmup": 5}
    for architecture, model in (("llama", {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "hidden": 96}), ("gpt2", {"layers": 2, "width": 32, "heads": 4})):
        losses, theirs, _, _ = compare(program, work, architecture, model, config)
        difference = max(abs(a - b) for a, b in zip(losses, theirs))
        print(f"{architecture}: loss {losses[0]:.6f} to {losses[-1]:.6f}, PyTorch {theirs[0]:.6f} to {theirs[-1]:.6f}, largest difference {difference:.2e}")
        assert len(losses) == len(theirs) == config["steps"] and losses[-1] < losses[0] - 0.5, "nothing was learned"
        worst = max(worst, difference)
    return 0 if worst < 1e-3 else 1


if __name__ == "__main__":
    sys.exit(main())
