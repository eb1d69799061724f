package engine

// ClassText is what is told of a class of failures, in Markdown.
type ClassText struct {
	Class  Class
	Means  string // what happened
	Remedy string // what to do about it
}

// ClassTexts tells of every class: first what the search learns from and what the
// machine lacks at the start, then what happens later.
func ClassTexts() []ClassText {
	return append(startTexts(), laterTexts()...)
}

// startTexts are those of flags, model, image and card.
func startTexts() []ClassText {
	return []ClassText{
		{GPUOutOfMemory, "the card's memory was too small, at start or under load", "lower `gpu-memory-utilization` / `mem-fraction-static`, fewer sequences, a quantized model, more cards"},
		{KVTooSmall, "it loaded, and what was left holds no request of the longest length", "a shorter `max-model-len` / `context-length`, or more memory for the cache"},
		{ContextTooLong, "the context asked for is longer than the model's", "lower it to what the log names"},
		{BadFlag, "this version does not have the flag", "`qtune doctor FILE --engine` names the nearest one"},
		{BadValue, "the flag is there, the value is not allowed", "the line says what is"},
		{UnsupportedQuantization, "method and checkpoint, or method and card, do not go together", "the method that the checkpoint's config names"},
		{UnsupportedModel, "this version cannot run the architecture", "a newer image, or another engine"},
		{KernelMissing, "a kernel was not built for this card or image", "another attention or quantization backend, or an image for the card"},
		{ModelMissing, "no such folder, file or repository", "`model.id`, `model.path`; `HF_TOKEN` for private ones"},
		{ModelGated, "the licence was not accepted, or the token may not read it", "accept it on the hub, set `HF_TOKEN`"},
		{ModelCorrupt, "weights are cut off or no weights", "remove the folder and let it be fetched again"},
		{ImageMissing, "the registry does not have it, or did not let us", "the tag; `docker login`"},
		{ProgramMissing, "of a local process: the program is not there", "`command`"},
		{DriverTooOld, "the image's CUDA is newer than the driver", "a newer driver, or an older image; `qtune doctor` compares them"},
		{GPUMissing, "no card in the container", "the NVIDIA container toolkit; `gpu.devices`"},
		{GPUBusy, "somebody else holds the card's memory", "the message names who; stop it, or choose another card"},
	}
}

// laterTexts are those of the host and of what runs.
func laterTexts() []ClassText {
	return []ClassText{
		{PortInUse, "its port was taken", "stop what listens there"},
		{HostOutOfMemory, "the kernel killed it: the host's memory was used up", "less CPU offload, fewer workers, a smaller cache"},
		{ShmTooSmall, "`/dev/shm` was full", "`shm_size` or `ipc = \"host\"`"},
		{DiskFull, "no space for image, model or cache", "the message says how much is needed"},
		{PermissionDenied, "a file or device that it may not use", "the line names it"},
		{NoExec, "it compiles into a folder from which nothing may be run", "`tmpfs = [{ target = \"/tmp\", exec = true }]`"},
		{RuntimeLost, "the Docker Engine, or the process's host, went away", "tried once more when it is back"},
		{Killed, "somebody killed it", "tried once more"},
		{Unauthorized, "the server wants a key", "the key's environment variable"},
		{BadAnswer, "it answers, and not with tokens of the right model", "the model's name, the template"},
		{StartupTimeout, "it did not serve within `startup_timeout`", "see the log's progress; raise it, or warm caches"},
		{Stalled, "it runs, and nothing moves: no log line while it starts, no token while requests run", "the last line shows where"},
		{DiedUnderLoad, "it served, and died while it was measured", "its log's decisive line, if it has one, is the class instead"},
		{RequestsFailed, "it runs, and answered none of a load's requests", "the first failure is quoted"},
		{Unknown, "no rule knows this log", "read the lines; open an issue with them, and it becomes a rule"},
	}
}
