"""Token events per CPU-second of load clients; see client-cost.sh.

usage: client-cost.py URL FOLDER [CLIENT]...
"""

import os
import resource
import statistics
import subprocess
import sys

STREAMS, TOKENS = int(os.environ.get("STREAMS", 16)), int(os.environ.get("TOKENS", 1000))
ROUNDS = int(os.environ.get("ROUNDS", 3))
SHORT, LONG = int(os.environ.get("SHORT", 5)), int(os.environ.get("LONG", 60))  # requests of each stream
ENGINES = os.environ.get("QTUNE_ENGINES", ".engines")
CLIENTS = os.environ.get("QTUNE_CLIENTS", os.path.join(ENGINES, "clients"))
MODEL = os.path.join(ENGINES, "model")


def sglang_rust(url, folder, n):
    return [f"{ENGINES}/sglang/bin/python", "-m", "sglang.benchmark.rust_client", "--backend", "vllm", "--base-url", url, "--model", "m", "--tokenizer", MODEL,
            "--dataset-name", "random-ids", "--random-input-len", "16", "--random-output-len", str(TOKENS), "--random-range-ratio", "1",
            "--num-prompts", str(n), "--max-concurrency", str(STREAMS), "--warmup-requests", "0", "--output-file", f"{folder}/sglang.jsonl"]


COMMANDS = {  # of n requests at url
    "bare": None,  # a benchmark, which counts for itself
    "qtune": lambda url, folder, n: ["bin/qtune", "bench", url, "--users", str(STREAMS), "--requests", str(n), "--warmup", "0",
                                     "--input-tokens", "16", "--output-tokens", str(TOKENS), "--json"],
    "vllm": lambda url, folder, n: [f"{ENGINES}/vllm/bin/vllm", "bench", "serve", "--backend", "openai", "--base-url", url, "--model", "m", "--tokenizer", MODEL,
                                    "--dataset-name", "random", "--random-input-len", "16", "--random-output-len", str(TOKENS), "--num-prompts", str(n),
                                    "--max-concurrency", str(STREAMS), "--ignore-eos"],
    "sglang-rust": sglang_rust,
    "aiperf": lambda url, folder, n: [f"{CLIENTS}/bin/aiperf", "profile", "-m", "m", "--url", url, "--endpoint-type", "completions", "--streaming",
                                      "--tokenizer", "local/model", "--concurrency", str(STREAMS), "--request-count", str(n), "--synthetic-input-tokens-mean", "16",
                                      "--output-tokens-mean", str(TOKENS), "--output-tokens-stddev", "0", "--extra-inputs", "ignore_eos:true",
                                      "--artifact-dir", f"{folder}/aiperf", "--ui", "none"],
    "guidellm": lambda url, folder, n: [f"{CLIENTS}/bin/guidellm", "run", "--backend", f"kind=openai_http,target={url},model=m,request_format=/v1/completions",
                                        "--profile", f"kind=concurrent,streams={STREAMS}", "--constraint", f"kind=max_requests,count={n}",
                                        "--data", f"kind=synthetic_text,prompt_tokens=16,output_tokens={TOKENS}", "--tokenizer", f"kind=hf_auto,model={MODEL}",
                                        "--disable-console", "--output", f"kind=json,path={folder}/guidellm.json"],
}


def hub(folder):
    """A Hugging Face cache that holds the model as local/model: AIPerf takes no folder."""
    repo = os.path.join(folder, "hf/hub/models--local--model")
    commit = "0" * 40
    os.makedirs(os.path.join(repo, "refs"))
    os.makedirs(os.path.join(repo, "snapshots"))
    with open(os.path.join(repo, "refs/main"), "w") as f:
        f.write(commit)
    os.symlink(os.path.abspath(MODEL), os.path.join(repo, "snapshots", commit))


def cpu_seconds(command, log, home):
    """CPU time of the command and of all that it started and waited for."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HOME=home)
    done = subprocess.run(command, stdout=log, stderr=log, env=env, timeout=600)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.returncode, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def bare(folder):
    """What a reader that only splits lines does, by the benchmark of bench."""
    gap = os.environ.get("GAP", "0s")
    name = "saturated/streams=16" if gap == "0s" else f"paced/streams={STREAMS}"
    out = subprocess.run([f"{folder}/bench.test", "-test.run", "^$", "-test.bench", f"Events/{name}$/bare", "-test.benchtime", "1s"], capture_output=True, text=True, timeout=300).stdout
    for line in out.splitlines():
        words = line.split()
        if "events/cpu-s" in words:
            return float(words[words.index("events/cpu-s") - 1])
    return None


def events(name, url, folder):
    """Token events per CPU-second, or why there is no figure."""
    if name == "bare":
        return bare(folder)
    used = []
    for n in (SHORT, LONG):
        command = COMMANDS[name](url, folder, n * STREAMS)
        with open(f"{folder}/{name}.log", "w") as log:
            code, seconds = cpu_seconds(command, log, os.path.join(folder, "hf"))
        with open(f"{folder}/{name}.log") as log:
            said = log.read()
        if code != 0 and '"levels":' not in said:  # qtune fails where it was the bottleneck: what it cost holds all the same
            return "failed: " + " | ".join(said.splitlines()[-3:])
        used.append(seconds)
    return (LONG - SHORT) * STREAMS * TOKENS / (used[1] - used[0])


def installed(name):
    return name == "bare" or os.path.exists(COMMANDS[name]("", "", 1)[0])


def main(url, folder, names):
    names = names or list(COMMANDS)
    for name in [n for n in names if not installed(n)]:
        print(f"{name}: not installed")
    names = [n for n in names if installed(n)]
    hub(folder)
    figures = {n: [] for n in names}
    for _ in range(ROUNDS):
        for name in names:
            figure = events(name, url, folder)
            if isinstance(figure, str) or figure is None:
                print(f"{name}: {figure}", flush=True)
            else:
                figures[name].append(figure)
    own = statistics.median(figures["qtune"]) if figures.get("qtune") else None
    print(f"\n{STREAMS} streams, {os.environ.get('GAP', '0s')} a token; token events per CPU-second of the client, median of {ROUNDS} rounds (lowest, highest)")
    for name, f in sorted(figures.items(), key=lambda item: -statistics.median(item[1] or [0])):
        if f:
            ratio = f"qtune takes 1/{own / statistics.median(f):.1f} of it" if own else ""
            print(f"{name:12}{statistics.median(f):>12,.0f}  ({min(f):,.0f}, {max(f):,.0f})  {ratio}")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
