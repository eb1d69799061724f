package profiles

import "slices"

const refPreface = `# The profile language

<!-- Written by go test ./profiles -run Reference -update; the texts stand in profiles/reference_blocks.go. -->

A profile is one file in [HCL](https://github.com/hashicorp/hcl), the language of Terraform: blocks with a type, names in quotes and
settings in braces; what stands after ` + "`#`" + ` is a comment. ` + "`qtune validate`" + ` names everything that is wrong with one, with line and remedy;
` + "`qtune fmt`" + ` lays it out.

* **Lengths of time** are texts with a unit: ` + "`\"800ms\"`, `\"2s\"`, `\"1h30m\"`" + `. **Sizes** too: ` + "`\"16GiB\"`" + `. **Shares** are ` + "`\"1%\"` or `0.01`" + `.
* **Expressions** are those of HCL: arithmetic, comparisons, ` + "`? :`, `for`, templates `\"${var.model}\"`" + `, and the functions below.
* **` + "`null`" + `** leaves a flag off, and takes back what a preset says of a setting.
* **Paths** start from the profile's folder; ` + "`~`" + ` is the home folder. ` + "`file(\"NAME\")`" + ` reads a file in that folder or below it.
* **` + "`env(\"NAME\")`" + `** is a variable of the environment. What comes from it is a secret: it stands in no plan, journal, log or report.
* **` + "`range(from, to, step)`" + `** holds both ends: ` + "`range(0.84, 0.90, 0.03)` is `[0.84, 0.87, 0.9]`" + `.
`

// refBlocks are in the order in which a profile is mostly written.
func refBlocks() []refBlock {
	return slices.Concat(servedBlocks(), workloadBlocks(), loadBlocks(), wantedBlocks(), searchBlocks())
}

// servedBlocks are those of what is served, and where.
func servedBlocks() []refBlock {
	return []refBlock{
		{"variable", `"NAME"`, "Any number.", "A setting from outside, read as `var.NAME`: from `QTUNE_VAR_NAME`, `-var-file FILE` and `-var NAME=VALUE`, the last one wins.", []refWord{
			{"type", "`string`, `number`, `bool`, `list(…)`, `map(…)`, …", "any", "what it takes"},
			{"default", "a value of that type", "must be set from outside", "what holds if nobody sets it"},
			{"description", "text", "none", "for people, and for the message that it is missing"},
			{"sensitive", "true or false", "false", "its value is a secret, as one from `env()` is"},
		}, ""},
		{"variable / validation", "", "Any number.", "What else must hold of the variable.", []refWord{
			{"condition", "true or false", "", "an expression with `var.NAME`"},
			{"error_message", "text", "", "what is said where it does not hold"},
		}, ""},
		{"locals", "", "Any number.", "Names for expressions, read as `local.NAME`. Its words are yours.", nil, "locals {\n  long = [1000, 4000]\n}"},
		{"model", "", "One.", "What is served.", []refWord{
			{"id", "text", "the last part of `path`", "as the Hugging Face hub names it; fetched once into the hub's cache where it is not there. With `openai`, as the server lists it"},
			{"path", "path", "the hub's cache", "a folder or GGUF file on this machine; nothing is fetched"},
			{"revision", "text", "`main`", "branch, tag or commit"},
		}, ""},
		{"gpu", "", "At most one.", "Which cards are measured on.", []refWord{
			{"devices", "list of indices or UUIDs", "one that is free", "`[0, 1]`, `[\"GPU-…\"]`; `[]` is none"},
			{"simulate", "text", "`RTX 5090`", "the card that `--simulate` behaves as"},
		}, ""},
		{"engine", `"KIND" "NAME"`, "At least one.", "A server to measure. Kinds: `vllm`, `sglang`, `llamacpp`, `ollama`, `trtllm`, `lmdeploy`, and `openai` for one that is already up.", engineWordsOfReference(), ""},
		{"engine / sweep", "", "At most one.", "What is tried: every combination of the values of its axes, each on a fresh start. An axis is a flag with a list of values. Flags whose names HCL cannot write stand in `flags = { \"a.b\" = [1, 2] }`, axes of the environment in `env = { NAME = [1, 2] }`.", nil,
			"sweep {\n  max-num-seqs    = [64, 128, 256]\n  enforce-eager   = [null, true] # null: leave the flag off\n  env             = { OMP_NUM_THREADS = [4, 8] }\n}"},
	}
}

// workloadBlocks are a workload and what is asked in it.
func workloadBlocks() []refBlock {
	return []refBlock{
		{"workload", `"NAME"`, "At least one.", "What is sent to each server, and how it arrives: `prompts`, and at least one of `single`, `closed`, `open`, `trace` and `max_rate`.", []refWord{
			{"api", "`completions`, `chat`, `generate`, `llamacpp`, `ollama`, `ollama-chat`", "`completions`", "the HTTP interface that is spoken"},
			{"stream", "true or false", "true", "false: answers in one piece, of `completions` and `chat`; then there is no TTFT, TPOT or ITL"},
			{"seed", "whole number", "1", "prompts, lengths and arrivals follow from it: every trial gets the same requests"},
			{"slo", "object of limits", "none", "what a request must keep to for `goodput`: `{ ttft_p95 = \"2s\", tpot = \"50ms\" }`"},
			{"reset_cache", "true or false", "false", "empty the server's cache of prefixes before each load, where it can"},
		}, ""},
		{"workload / prompts", "", "One.", "What is asked: synthetic text of `input_tokens`, or a `file`, or the lengths of a `trace`.", []refWord{
			{"input_tokens", "whole number", "`file` or `trace`", "length of each prompt, in tokens of the served model; with `input_spread`, its mean"},
			{"input_spread", "object", "all alike", "`{ shape = \"lognormal\", width = 0.5, min = 1, max = 4096 }`; shapes: `uniform`, `normal`, `lognormal`; width: a share of the mean"},
			{"output_spread", "object", "all alike", "the same of the answers' lengths"},
			{"shared_prefix", "object", "none", "`{ tokens = 256, groups = 4 }`: so many tokens that prompts share, in so many groups"},
			{"file", "path", "none", "JSON lines with `prompt`, `messages` or ShareGPT's `conversations`"},
			{"trace", "path", "none", "Azure's CSV or Mooncake's JSON lines"},
		}, ""},
		{"workload / timeouts", "", "At most one.", "When a request has failed.", []refWord{
			{"first_token", "time", "2m", "from the send to the first token"},
			{"between_tokens", "time", "1m", "from one token to the next"},
			{"request", "time", "15m", "all of it"},
		}, ""},
	}
}

// loadBlocks are the ways in which requests arrive.
func loadBlocks() []refBlock {
	out := refWord{"output_tokens", "whole number", "", "how long each answer is, in tokens; the end of the text is ignored. Of a `file` or `trace` it may be left out, where those say it"}
	requests := refWord{"requests", "whole number", "until settled", "measured requests, exactly"}
	duration := refWord{"duration", "time", "until settled", "how long requests are sent, exactly"}
	inFlight := refWord{"max_in_flight", "whole number", "10000", "requests under way at most; those above wait, and the result says so"}
	arrival := refWord{"arrival", "`poisson`, `constant`, `gamma`", "`poisson`", "how requests are spaced"}
	burstiness := refWord{"burstiness", "number above 0", "1", "of `gamma`: 1 is Poisson, less comes in bursts, more is evener"}
	return []refBlock{
		{"workload / single", "", "Any number.", "One request at a time.", []refWord{
			{"output_tokens", "whole number or a list", "", "one load for each"}, requests, duration,
			{"warmup", "whole number", "1", "requests before those that are measured"},
		}, ""},
		{"workload / closed", "", "Any number.", "So many users, each of whom sends the next request when it has its answer.", []refWord{
			{"users", "whole number or a list", "", "one load for each"}, out, requests, duration,
			{"warmup", "whole number", "as many as users", "requests before those that are measured"},
			{"burst", "true or false", "false", "every user sends at the same moment, once"},
		}, ""},
		{"workload / open", "", "Any number.", "Requests arrive at a rate, whether or not the server keeps up.", []refWord{
			{"rate", "number or a list", "", "requests per second; one load for each"},
			{"rate_end", "number", "`rate`", "the rate goes there from `rate`"},
			{"steps", "whole number", "in a straight line", "in so many steps"},
			arrival, burstiness, out, requests, duration, {"warmup", "whole number", "10", "requests before those that are measured"}, inFlight,
		}, ""},
		{"workload / trace", "", "At most one.", "Requests arrive as the trace of `prompts` recorded it.", []refWord{
			{"speedup", "number", "1", "so many times as fast"},
			{"requests", "whole number", "all of the trace", "its first ones"}, {"duration", "time", "all of the trace", "its first part"},
			{"warmup", "whole number", "1", "requests before those that are measured"}, inFlight,
		}, ""},
		{"workload / max_rate", "", "At most one.", "Looks for the highest rate at which the workload's `slo` holds.", []refWord{
			{"rate", "number", "found by itself", "where it begins, in requests per second"},
			{"rate_end", "number", "none", "the highest that is tried"},
			arrival, burstiness, out, requests, {"duration", "time", "30s", "how long each rate is tried"},
			{"warmup", "whole number", "10", "requests before those that are measured"}, inFlight,
		}, ""},
	}
}

// wantedBlocks are those of what is wanted.
func wantedBlocks() []refBlock {
	return []refBlock{
		{"objective", "", "One.", "What is made best. The metrics are those of [metrics.md](metrics.md).", []refWord{
			{"maximize", "a metric", "`minimize`", "the more the better"},
			{"minimize", "a metric", "`maximize`", "the less the better"},
			{"at", "object", "the only load", "which load it is about: `{ users = 20 }`, `{ rate = 2 }`, `{ output_tokens = 500 }`; also `workload`, `kind`"},
			{"pick", "`knee`, `constraint`", "`knee`", "with `also`: how one is picked of those that no other one beats in both figures. `knee`: where a percent of the one costs a percent of the other; `constraint`: the best of the first that keeps a `constraint` on the second ([method.md](method.md))"},
		}, ""},
		{"objective / also", "", "At most one.", "A second figure, where both count.", []refWord{
			{"maximize", "a metric", "`minimize`", "the more the better"},
			{"minimize", "a metric", "`maximize`", "the less the better"},
			{"at", "object", "the objective's", "which load it is about"},
		}, "also {\n  minimize = ttft_p95\n  at       = { users = 20 }\n}"},
		{"constraint", `"METRIC"`, "Any number.", "What a winner must keep. `constraint \"agreement\" { min = \"97%\" }` is about answers: they must agree with the baseline's in so much of what the baseline's agree with its own on another start ([method.md](method.md)); simulated engines have none, and keep it.", []refWord{
			{"max", "as the metric: time, share or number", "`min`", "no more than that"},
			{"min", "as the metric", "`max`", "no less than that"},
			{"at", "object", "the objective's", "which load it is about"},
		}, ""},
	}
}

func searchBlocks() []refBlock {
	return []refBlock{
		{"search", "", "At most one.", "How the best is looked for; see [method.md](method.md).", []refWord{
			{"strategy", "`grid`, `random`, `ofat`, `auto`", "`grid`", "`grid` measures all; `auto` the most promising next; `ofat` one change at a time from the baseline"},
			{"seed", "whole number", "1", "of what is random in it"},
			{"screen", "true or false", "true unless `grid`", "trials that cannot win are measured at the levels of objective and constraints alone, and no longer there than it takes to be certain of it"},
			{"max_candidates", "whole number", "1000", "a sweep with more is refused unless a strategy chooses or a budget ends it"},
		}, ""},
		{"search / budget", "", "At most one.", "When the search ends; never exceeded by more than one trial.", []refWord{
			{"trials", "whole number", "none", "configurations of the search; the finish tries no new ones"},
			{"starts", "whole number", "none", "of servers, the finish included, as in all below"},
			{"time", "time", "none", "of the engines: starting and measuring"},
			{"gpu_hours", "number", "none", "hours of one card with an engine on it"},
			{"cost", "number", "none", "in the currency of `gpu_hour_price`"},
			{"gpu_hour_price", "number", "none", "what an hour of one card costs"},
		}, ""},
		{"search / finish", "", "At most one.", "The best few and the baseline again on fresh starts, in turn: the gain that is reported comes from there.", []refWord{
			{"candidates", "whole number", "3", "how many of the best"},
			{"starts", "whole number", "3", "of each, and up to two more where it is close; 0: no finish. A `grid` without this block has none"},
		}, ""},
		{"deploy", `"NAME"`, "At most one.", "Leave the winner running, as a container of that name; without the block nothing is left.", []refWord{
			{"port", "whole number", "8000", "of the host, on which it is published"},
			{"address", "IP address", "`127.0.0.1`", "of the host; `0.0.0.0` is every one of it, for which the engine should ask for a key"},
			{"restart", "`unless-stopped`, `always`, `on-failure`, `no`", "`unless-stopped`", "when the Docker Engine starts it again; `on-failure:3` at most three times"},
		}, ""},
	}
}

func engineWordsOfReference() []refWord {
	return []refWord{
		{"preset", "text", "none", "settings to start from; `qtune presets` lists them. What is written here wins"},
		{"baseline", "true or false", "false", "what the winner is compared with; of one engine"},
		{"runtime", "`docker`, `process`", "`docker`", "a container, or a local command"},
		{"url", "text", "none", "of `openai`: where the server is, such as `\"http://127.0.0.1:8000\"`"},
		{"image", "text", "the preset's", "with a tag or digest"},
		{"pull", "`missing`, `always`, `never`", "`missing`", "when the image is pulled"},
		{"pull_model", "true or false", "false", "of `ollama`: a model that its store does not have is pulled, once, before the first trial"},
		{"entrypoint", "list of texts", "the image's", "replaces it"},
		{"command", "list of texts", "the engine's own", "the words before the flags; of `process`, the program"},
		{"mounts", "list of objects", "none", "`{ source = \"/data\", target = \"/data\", writable = true }`; read-only unless it says `writable`"},
		{"tmpfs", "list", "none", "`\"/tmp\"` or `{ target = \"/tmp\", size = \"1GiB\", exec = true }`"},
		{"shm_size", "size", "Docker's", "of `/dev/shm`"},
		{"memory", "size", "no limit", "that the container may take; beyond it the kernel ends the engine: `host_oom`"},
		{"pids", "whole number", "no limit", "processes and threads that the container may have"},
		{"ulimits", "object", "Docker's", "`{ memlock = -1, nofile = 65536 }`; -1 is no limit"},
		{"ipc", "`host`", "private", "the IPC namespace"},
		{"network", "text", "a port on loopback", "a Docker network, or `host`"},
		{"port", "whole number", "the engine's", "where it listens, in the container"},
		{"cap_add", "list of texts", "none", "capabilities such as `SYS_NICE`; never `ALL`"},
		{"env", "object", "none", "its environment; `null` takes one out"},
		{"flags", "object", "none", "its command line: `{ max-num-seqs = 128, enforce-eager = true }`; `null` leaves one off"},
		{"where", "true or false", "all are tried", "which combinations of the sweep are tried: an expression with `flags.NAME` and `env.NAME`"},
		{"startup_timeout", "time", "10m", "from its start to its first token"},
		{"stall_timeout", "time", "5m", "for which a start may log and compute nothing"},
		{"keep_caches", "true or false", "true", "what an engine compiles is kept for its later starts in the run"},
		{"allow_unknown_flags", "true or false", "false", "flags that the catalog does not know are no error"},
	}
}
