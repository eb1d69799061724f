package main

import (
	"errors"
	"syscall"

	"github.com/qtune/qtune/compare/files"
	"github.com/qtune/qtune/deploy"
	"github.com/qtune/qtune/docker"
	"github.com/qtune/qtune/engine"
	"github.com/qtune/qtune/export"
	"github.com/qtune/qtune/gpu"
	"github.com/qtune/qtune/tuner"
)

// errorCodes are the codes of errors that end a command. Where an error is of
// several, the first holds.
func errorCodes() []errorCode {
	var all []errorCode
	for _, part := range [][]errorCode{usageCodes(), runCodes(), cardCodes(), serviceCodes(), pastCodes(), dockerCodes()} {
		all = append(all, part...)
	}
	return all
}

func usageCodes() []errorCode {
	return []errorCode{
		{"usage", as[*usageError], "the command line makes no sense", "`qtune COMMAND --help`"},
		{"invalid_profile", as[*profileError], "the profile has errors, each with a code of its own", "`qtune validate FILE` names all of them"},
		{"fault_in_qtune", as[*panicError], "a fault of qtune's own; what ran was removed, what was measured is kept", "report it with the file that the message names, then `qtune apply` again"},
	}
}

func runCodes() []errorCode {
	return []errorCode{
		{"not_removed", leftBehind, "a container or process is still there; the run ends, since the next trial must not share the card with it", "`qtune destroy` tries again, `qtune ps` lists what is left"},
		{"folder_locked", as[*tuner.LockedError], "another `qtune apply` is at work in this folder of runs", "wait for it, stop it with Ctrl-C, or keep this run elsewhere with `--dir`"},
		{"journal_unwritable", as[*tuner.JournalError], "the journal could not be written: the disk is full, or the folder can only be read", "free what the message says, or `--dir`; `qtune apply` again goes on where this run stopped"},
		{"journal_damaged", as[*tuner.DamagedError], "lines of a journal are not as they were written", "nothing: the whole lines are used, the others measured again; `qtune runs --check` lists them"},
		{"journal_newer", as[*tuner.NewerJournalError], "a newer qtune wrote this run", "use that one"},
		{"bad_baseline", as[*flagError], "the engine does not have a flag of the baseline, so there is nothing to compare with", "the message names the nearest flag"},
		{"no_help", as[*engine.HelpError], "the engine was asked for its `--help` and gave none", "check image, `entrypoint` and `command`"},
		{"model_path", as[*modelPathError], "`model.path` holds no model", "a folder with `config.json` and weights, or a GGUF file"},
		{"offline", isOffline, "a model or an image is not here, and `--offline` or `pull = \"never\"` keeps it from being fetched", "once without `--offline`, or `docker load`"},
		{"fetch_failed", isFetch, "the model could not be fetched from the hub", "`HF_TOKEN` for a private or gated one; the network; or `model.path`"},
		{"not_measured", as[*unmeasuredError], "the objective or a constraint is about a figure that this run cannot have: energy without a card, cost without a price", "the message says what it takes"},
		{"not_simulated", as[*engine.SimulateError], "qtune has no simulation of this engine", "without `--simulate`, or without the engine"},
		{"not_static", as[*engine.StaticError], "`--simulate-in docker` needs a static qtune", "`CGO_ENABLED=0 go build`, as `make build` does, or simulate in processes"},
	}
}

func leftBehind(err error) bool {
	return as[*tuner.LeftError](err) || as[*engine.TeardownError](err) || of(docker.NotRemoved)(err)
}

func isOffline(err error) bool { return as[*offlineError](err) || as[*offlineImageError](err) }

func isFetch(err error) bool { return as[*engine.FetchError](err) || as[*engine.HubError](err) }

func cardCodes() []errorCode {
	return []errorCode{
		{"card_busy", as[*busyError], "somebody else uses the card that was asked for", "end what runs there, name another card, `--wait`, or `--shared-gpu`"},
		{"no_card_free", as[*noneFreeError], "every card is in use", "`--wait`; `gpu { devices = [] }` is for engines that need none"},
		{"no_such_card", as[*gpu.PickError], "`gpu.devices` names a card that is not there, or that MIG has split", "`nvidia-smi -L` lists cards and parts"},
		{"no_gpu", as[*gpu.Unavailable], "no NVIDIA card can be read: no driver, or a build without NVML", "`qtune doctor`; the archive whose name ends in `nvml`, or `make build-nvml`"},
	}
}

func serviceCodes() []errorCode {
	return []errorCode{
		{"deploy_down", as[*deploy.DownError], "a new server did not become ready, and the old one did not come back: nothing serves", "`docker logs NAME`, then `docker start NAME`"},
		{"deploy_not_ready", as[*deploy.NotReadyError], "a new server did not become ready; the old one, if there was one, serves as before", "the message has the class of the failure and its line"},
		{"no_container", noContainer, "a process, or a server that is up already, cannot be left running as a container", "`qtune export --to systemd`, `args` or `env`"},
		{"simulated_winner", as[*simulatedWinnerError], "nobody has measured this winner", "`qtune apply` without `--simulate`"},
		{"image_moved", as[*otherImageError], "the image's tag names another image than the one that was measured", "`qtune apply` measures it, `--other-image` deploys it unmeasured"},
		{"secret_lost", as[*lostSecretError], "the run used a secret, which no run keeps", "give it again, as `qtune apply` got it"},
		{"profile_changed", profileChanged, "the run's profile does not give the same command any more", "the variables that `qtune apply` was given: `--var`, `--var-file`, the environment"},
		{"file_exists", as[*overwriteError], "`qtune init` replaces no file", "another name, or `--force`"},
	}
}

func noContainer(err error) bool {
	return as[*engine.ProcessError](err) || as[*export.ProcessError](err)
}

func profileChanged(err error) bool { return as[*profileAgainError](err) || as[*noProfileError](err) }

func noRun(err error) bool { return as[*tuner.NoRunError](err) || as[*noSideError](err) }

func pastCodes() []errorCode {
	return []errorCode{
		{"not_comparable", as[*incomparableError], "the two were measured differently: another workload or card, or one was simulated", "measure both alike, or `--force`, which then says so on every line"},
		{"no_such_run", noRun, "the folder of runs does not hold it, and it is no file", "`qtune runs` lists the runs, `--dir` names their folder"},
		{"unknown_format", as[*files.UnknownError], "no result file that qtune can read", "docs/compare.md lists those that it reads"},
		{"other_host", as[*otherHostError], "the run was measured on another machine, whose card is not known here", "`--card`"},
	}
}

func dockerCodes() []errorCode {
	row := func(r docker.Reason, means, remedy string) errorCode {
		return errorCode{string(r), of(r), means, remedy}
	}
	return []errorCode{
		row(docker.NoDaemon, "no Docker Engine answers", "start it, or set `DOCKER_HOST`; `--simulate` and `runtime = \"process\"` need none"),
		row(docker.NoPermission, "the Docker Engine's socket may not be used", "the group `docker`, and log in again"),
		row(docker.BadHost, "`DOCKER_HOST`, its TLS files or the Docker context cannot be used", "`unix:///path`, or `docker context use default`"),
		row(docker.BadTLS, "the Docker Engine and qtune do not accept each other's certificates", "`DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` as the `docker` command has them"),
		row(docker.FarHost, "the Docker Engine is on another machine", "run qtune there: it is one file"),
		row(docker.OldDaemon, "the Docker Engine is older than 20.10", "upgrade it"),
		row(docker.NoImage, "the image is not here, or its registry does not have it", "the tag; `docker pull IMAGE` shows the registry's answer"),
		row(docker.PullDenied, "the registry refuses", "`docker login`"),
		row(docker.NoNetwork, "the registry was not reached", "the network, or the Docker Engine's proxy"),
		row(docker.NoGPURuntime, "the Docker Engine cannot give cards to containers", "the NVIDIA container toolkit; `qtune doctor`"),
		row(docker.PortTaken, "the port is in use", "another `port`, or end what listens there"),
		row(docker.NameTaken, "another container has the name", "`--name`"),
		row(docker.BadNetwork, "there is no such Docker network", "`docker network ls`"),
		row(docker.BadUlimit, "the Docker Engine may not set that limit", "a lower one in `ulimits`, no `memory` and `pids`"),
		row(docker.NoMount, "a folder to mount is not there", "the path in `mounts` or `model.path`"),
		row(docker.BadCommand, "the program cannot be executed in the image", "`entrypoint` and `command`"),
		{"no_space", diskFull, "a disk is full: the Docker Engine's, or that of the folder of runs", "free what the message says; `docker system df`; `--dir`"},
		row(docker.Invalid, "the Docker Engine refuses the request as such", "the message quotes it"),
		row(docker.Cancelled, "interrupted while the Docker Engine was at work", "run it again"),
	}
}

func diskFull(err error) bool {
	return of(docker.NoSpace)(err) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// as makes an errorCode's question of a type of error.
func as[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// of is the question for errors of the Docker Engine.
func of(r docker.Reason) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[*docker.Error](err)
		return ok && e.Reason == r
	}
}
