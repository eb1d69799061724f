"""Writes the flags of an installed engine as this folder's data.

    python dump.py vllm   > vllm.json      with the Python in which vLLM is installed
    python dump.py sglang > sglang.json    with SGLang's (on a CPU: SGLANG_USE_CPU_ENGINE=1)

Facts only: names, types, choices, defaults, all as the engine's own parser
holds them. What a flag is good for stands in ENGINE.notes.json, by hand.
"""

import argparse
import json
import re
import sys

TYPES = {
    "str": "string", "nullable_str": "string", "parse_cuda_graph_backend_arg": "string",
    "int": "int", "human_readable_int": "int", "human_readable_int_or_auto": "int",
    "float": "float",
    "loads": "json", "parse_dataclass": "json", "union_dict_and_str": "json", "dict": "json",
    "json_list_type": "json", "parse_cuda_graph_config_arg": "json",
}


def parser(kind):
    if kind == "vllm":
        from vllm import __version__
        from vllm.entrypoints.launchers.cli_args import make_arg_parser
        from vllm.utils.argparse_utils import FlexibleArgumentParser

        return make_arg_parser(FlexibleArgumentParser(prog="vllm serve")), __version__
    from sglang import __version__
    from sglang.srt.server_args import ServerArgs

    p = argparse.ArgumentParser()
    ServerArgs.add_cli_args(p)
    return p, __version__


def environment(kind):
    if kind == "vllm":
        from vllm.envs import environment_variables

        return sorted(n for n in environment_variables if n.startswith("VLLM_"))
    import pathlib
    import sglang.srt

    # Many are read where they are needed rather than declared in one place.
    sources = pathlib.Path(sglang.srt.__path__[0]).rglob("*.py")
    found = (re.findall(r"\bSGLANG_[A-Z0-9_]*[A-Z0-9]\b", p.read_text(errors="ignore")) for p in sources)
    return sorted({name for names in found for name in names})


def inner(fn):
    """The type behind a wrapper such as vLLM's optional_type(int)."""
    for _ in range(4):
        if getattr(fn, "__name__", "") in TYPES:
            return fn.__name__
        cells = [c.cell_contents for c in getattr(fn, "__closure__", None) or ()]
        fn = next((c for c in cells if callable(c)), None)
    return "str"


def value_type(a):
    if a.nargs == 0:
        return "bool"
    return TYPES[inner(a.type)]


def default(a):
    if a.default is None or a.default is argparse.SUPPRESS:
        return ""
    if isinstance(a.default, bool) or isinstance(a.default, (list, dict)):
        return json.dumps(a.default)
    return str(a.default) if isinstance(a.default, (str, int, float)) else ""


def flag(a):
    longs = [o for o in a.option_strings if o.startswith("--")]
    negated = [o for o in longs if isinstance(a, argparse.BooleanOptionalAction) and o.startswith("--no-")]
    names = [o for o in longs if o not in negated]
    f = {"name": names[0][2:], "type": value_type(a)}
    if also := names[1:] + [o for o in a.option_strings if o not in longs]:
        f["aliases"] = also
    if negated:
        f["negated"] = negated[0][2:]
    if a.nargs in ("+", "*"):
        f["many"] = True
    if a.choices:
        choices = [str(c) for c in a.choices]
        f["choices"] = sorted(choices) if isinstance(a.choices, (set, frozenset)) else choices
        if getattr(a.type, "__name__", "") == "<lambda>":
            f["folds"] = True  # upper case and dashes are taken too
    if d := default(a):
        f["default"] = d
    return f


def main():
    p, version = parser(sys.argv[1])
    flags = [flag(a) for a in p._actions if a.option_strings and a.dest != "help"]
    flags.sort(key=lambda f: f["name"])
    print('{"version": "%s", "flags": [' % version.split("+")[0])
    print(",\n".join(json.dumps(f) for f in flags))
    print('], "env": [')
    print(",\n".join(json.dumps(n) for n in environment(sys.argv[1])))
    print("]}")


main()
