"""Token events per CPU-second of load clients; see client-cost.sh.

usage: client-cost.py URL FOLDER [CLIENT]...
"""

import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys

STREAMS, TOKENS = int(os.environ.get("STREAMS", 16)), int(os.environ.get("TOKENS", 1000))
ROUNDS = int(os.environ.get("ROUNDS", 3))
SHORT, LONG = int(os.environ.get("SHORT", 5)), int(os.environ.get("LONG", 60))  # requests of each stream
LIMIT = int(os.environ.get("LIMIT", 300))  # seconds that one command may take
ENGINES = os.environ.get("QTUNE_ENGINES", ".engines")
CLIENTS = os.environ.get("QTUNE_CLIENTS", os.path.join(ENGINES, "clients"))
MODEL = os.path.join(ENGINES, "model")


def sglang_rust(url, folder, n):
    return [f"{ENGINES}/sglang/bin/python", "-m", "sglang.benchmark.rust_client", "--backend", "vllm", "--base-url", url, "--model", "m", "--tokenizer", MODEL,
            "--dataset-name", "random-ids", "--random-input-len", "16", "--random-output-len", str(TOKENS), "--random-range-ratio", "1",
            "--num-prompts", str(n), "--max-concurrency", str(STREAMS), "--warmup-requests", "0", "--output-file", f"{folder}/sglang.jsonl"]


COMMANDS = {  # of n requests at url
    "bare": lambda url, folder, n: ["env", f"BENCH_TEST_BARE={url}", f"{folder}/bench.test", str(STREAMS), str(TOKENS), str(n // STREAMS)],
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


class Failed(Exception):
    """Why there is no figure."""


def cpu_seconds(command, log, home):
    """CPU time of the command and of all that it started and waited for, and how it ended."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_HOME=home)
    try:
        done = subprocess.run(command, stdout=log, stderr=log, env=env, timeout=LIMIT)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done within {LIMIT} s (LIMIT)") from None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.returncode, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def events(name, url, folder):
    """Token events per CPU-second."""
    used = []
    for n in (SHORT, LONG):
        command = COMMANDS[name](url, folder, n * STREAMS)
        with open(f"{folder}/{name}.log", "w") as log:
            code, seconds = cpu_seconds(command, log, os.path.join(folder, "hf"))
        with open(f"{folder}/{name}.log") as log:
            said = log.read()
        if code != 0 and '"levels":' not in said:  # qtune fails where it was the bottleneck: what it cost holds all the same
            raise Failed(f"exit {code}: " + " | ".join(said.splitlines()[-3:]))
        used.append(seconds)
    if used[1] <= used[0]:
        raise Failed(f"{LONG} requests a stream cost {used[1]:.1f} CPU-seconds and {SHORT} cost {used[0]:.1f}: what it takes to start hides the difference, raise LONG")
    return (LONG - SHORT) * STREAMS * TOKENS / (used[1] - used[0])


def measure(names, url, folder, figures):
    """Adds the figures of all rounds to figures, telling each as it comes; whether all went well."""
    well = True
    for i in range(ROUNDS):
        for name in names:
            try:
                figures[name].append(events(name, url, folder))
                print(f"round {i + 1}, {name}: {figures[name][-1]:,.0f}", flush=True)
            except Failed as why:
                well = False
                print(f"round {i + 1}, {name}: failed: {why}", flush=True)
    return well


def table(figures):
    own = statistics.median(figures["qtune"]) if figures.get("qtune") else None
    print(f"\n{STREAMS} streams, {os.environ.get('GAP', '0s')} a token; token events per CPU-second of the client, median of {ROUNDS} rounds (lowest, highest)")
    for name, f in sorted(figures.items(), key=lambda item: -statistics.median(item[1] or [0])):
        if f:
            ratio = f"qtune takes 1/{own / statistics.median(f):.1f} of it" if own else ""
            few = f"  only {len(f)} of {ROUNDS}" if len(f) < ROUNDS else ""
            print(f"{name:12}{statistics.median(f):>12,.0f}  ({min(f):,.0f}, {max(f):,.0f})  {ratio}{few}")
        else:
            print(f"{name:12}           -  no figure")


def stopped(number, frame):
    sys.exit(f"stopped by signal {number}: what there is until here")


def main(url, folder, names):
    names = names or list(COMMANDS)
    for name in [n for n in names if not shutil.which(COMMANDS[n]("", folder, STREAMS)[0])]:
        print(f"{name}: not installed")
    names = [n for n in names if shutil.which(COMMANDS[n]("", folder, STREAMS)[0])]
    hub(folder)
    figures = {n: [] for n in names}
    signal.signal(signal.SIGTERM, stopped)
    try:
        well = measure(names, url, folder, figures)
    finally:
        table(figures)
    if not well:
        sys.exit(1)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
