package simulator

import "fmt"

// sglang's lines stand in the form of a real SGLang 0.5.23.
func (s *script) sglang() {
	i := s.i
	log := func(format string, args ...any) {
		s.line(true, "[%s] %s", s.clock().Format("2006-01-02 15:04:05"), fmt.Sprintf(format, args...))
	}
	pace := i.sglangPace()
	s.after(pace.imports)
	log("server_args=%s", i.args.repr())
	if s.dies(stageConfig) {
		s.trace("")
		return
	}
	s.do(actBind)
	s.after(pace.worker)
	free := i.card.MemoryBytes/gib - 0.6
	log("Init torch distributed ends. elapsed=0.30 s, mem usage=0.60 GB")
	log("Load weight begin. avail mem=%.2f GB", free)
	load := s.loadSeconds()
	s.after(load)
	if s.dies(stageLoad) {
		s.sglangDeath(log)
		return
	}
	weights := i.fit.WeightBytes / gib
	log("Load weight end. elapsed=%.2f s, type=%s, avail mem=%.2f GB, mem usage=%.2f GB.", load, i.model.Architecture, free-weights, weights)
	s.after(pace.warm)
	if s.dies(stageKV) {
		s.sglangDeath(log)
		return
	}
	half := i.model.KVBytesPerToken(i.kernels.KVDType) * float64(i.fit.KVTokens) / 2 / gib
	log("KV Cache is allocated. dtype: torch.%s, #tokens: %d, K size: %.2f GB, V size: %.2f GB", i.model.DType, i.fit.KVTokens, half, half)
	log("Memory pool end. avail mem=%.2f GB", free-weights-2*half)
	s.sglangWarm(log, free-weights-2*half)
}

// sglangWarm is graphs, the server's start and its own first request.
func (s *script) sglangWarm(log func(format string, args ...any), free float64) {
	i := s.i
	if i.boot.graphs {
		log("Capture cuda graph begin. This can take up to several minutes. avail mem=%.2f GB", free)
	}
	if s.dies(stageWork) {
		s.after(2)
		s.sglangDeath(log)
		return
	}
	if i.boot.torchCompile {
		s.after(40)
	}
	if i.boot.graphs {
		s.after(6)
		log("Capture cuda graph end. Time elapsed: 6.00 s. mem usage=%.2f GB. avail mem=%.2f GB.", i.fit.GraphBytes/gib, free-i.fit.GraphBytes/gib)
	}
	device := "gpu"
	if i.card.CPU {
		device = "cpu"
	}
	log("max_total_num_tokens=%d, chunked_prefill_size=%d, max_prefill_tokens=%d, max_running_requests=%d, context_len=%d, available_%s_mem=%.2f GB",
		i.fit.KVTokens, i.scheduling.Chunk, i.scheduling.MaxPrefill, i.scheduling.MaxRunning, i.maxLen, device, free)
	s.after(0.5)
	log("INFO:     Started server process [%d]", pid())
	log("INFO:     Waiting for application startup.")
	log("INFO:     Application startup complete.")
	s.do(actListen)
	log("INFO:     Uvicorn running on http://%s:%d (Press CTRL+C to quit)", i.host, i.port)
	s.after(1.5)
	s.do(actReady)
	log("The server is fired up and ready to roll!")
}

func (s *script) sglangDeath(log func(format string, args ...any)) {
	log("Scheduler hit an exception: Traceback (most recent call last):")
	for _, text := range s.i.death.text {
		s.line(true, "%s", text)
	}
	s.line(true, "")
	log("Received sigquit from a child process. It usually means the child failed.")
	log("kill_process_tree called: parent_pid=%d, include_parent=True, pid=%d", pid(), pid())
}

// llamacpp's lines are those that llama-server prints at its default verbosity.
func (s *script) llamacpp() {
	i := s.i
	if s.dies(stageConfig) {
		for _, text := range i.death.text {
			s.line(true, "%s", text)
		}
		s.line(true, "srv    load_model: failed to load model, '%s'", i.modelName)
		s.line(true, "main: exiting due to model loading error")
		return
	}
	s.do(actBind)
	s.do(actListen)
	s.line(true, "srv    load_model: loading model '%s'", i.modelName)
	s.after(0.3 + s.loadSeconds())
	if s.dies(stageLoad) {
		for _, text := range i.death.text {
			s.line(true, "%s", text)
		}
		s.line(true, "main: exiting due to model loading error")
		return
	}
	s.line(true, "srv    load_model: initializing, n_slots = %d, n_ctx_slot = %d, kv_unified = '%t'", i.scheduling.MaxRunning, i.maxLen, i.args.on("kv-unified", !i.args.has("parallel")))
	s.line(true, "main: model loaded")
	s.do(actReady)
	s.line(true, "main: server is listening on http://%s:%d", i.host, i.port)
}
