"""Prints what vllm bench serve and qtune bench measured of the same requests.

usage: compare-clients.py FOLDER, which holds vllm-N.json, qtune-N.json and own.json
"""

import glob
import json
import os
import statistics
import sys

ROWS = [  # key of vLLM's result file, name, qtune's own figure, what differs by definition
    ("output_throughput", "output tok/s", lambda l: l["output_throughput"], "vLLM divides by the time until its last task has ended, qtune by that until the last token"),
    ("request_throughput", "requests/s", lambda l: l["request_throughput"], "the same"),
    ("mean_ttft_ms", "mean TTFT, ms", lambda l: l["ttft_ms"]["mean"], "vLLM: the first event with choices, even an empty one; qtune: the first with content"),
    ("p99_ttft_ms", "p99 TTFT, ms", lambda l: l["ttft_ms"]["p99"], "vLLM interpolates; qtune gives an order statistic, and none below 100 requests"),
    ("mean_tpot_ms", "mean TPOT, ms", lambda l: l["tpot_ms"]["mean"], "the same formula"),
    ("mean_itl_ms", "mean ITL, ms", lambda l: l["itl_ms"]["mean"], "vLLM: a gap for each event; qtune: spread over the tokens of an event"),
    ("mean_e2el_ms", "mean E2E, ms", lambda l: l["e2e_ms"]["mean"], "vLLM: until the last event with choices; qtune: until the last with content"),
    ("total_output_tokens", "output tokens", lambda l: l["output_tokens"], "both by usage"),
    ("total_input_tokens", "input tokens", lambda l: l["input_tokens"], "vLLM by its tokenizer or usage, qtune by usage"),
]


def read(path):
    with open(path) as f:
        return json.loads(f.readline())


def spread(values):
    return 0 if len(values) < 2 else statistics.stdev(values)


def main(folder):
    vllm = [read(p) for p in sorted(glob.glob(os.path.join(folder, "vllm-*.json")))]
    qtune = [read(p) for p in sorted(glob.glob(os.path.join(folder, "qtune-*.json")))]
    own = read(os.path.join(folder, "own.json"))["levels"][0]
    print(f"\n{len(vllm)} rounds in turn, mean ± standard deviation of a round; both in vLLM's definitions, then one round in qtune's own\n")
    head = f"{'':16}{'vllm bench serve':>20}{'qtune bench':>20}{'apart':>9}{'qtune, own':>13}  by definition"
    print(head + "\n" + "-" * len(head))
    for key, name, mine, why in ROWS:
        a, b = [r[key] for r in vllm], [r[key] for r in qtune]
        ma, mb = statistics.mean(a), statistics.mean(b)
        apart = f"{100 * (mb / ma - 1):+.1f} %" if ma else "–"
        value = mine(own)
        value = "–" if value is None else f"{value:.1f}"
        print(f"{name:16}{ma:>12.1f} ± {spread(a):<5.1f}{mb:>12.1f} ± {spread(b):<5.1f}{apart:>9}{value:>13}  {why}")
    client = own["client"]
    print(f"\nqtune used {100 * client['cpu_share']:.1f} % of a core; it {'WAS' if client['bound'] else 'was not'} the bottleneck {'; '.join(client['reasons'])}")
    server = own.get("server")
    if server and server["ttft_ms"]:
        print(f"the server's own mean TTFT in that round: {server['ttft_ms']:.1f} ms; qtune saw {own['ttft_ms']['mean']:.1f} ms")


main(sys.argv[1])
