package simulator

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// server answers one engine's HTTP interface.
type server struct {
	i        *instance
	d        *driver
	started  time.Time
	ready    atomic.Bool
	requests atomic.Uint64
	failed   atomic.Int64
}

func newServer(i *instance, d *driver) *server { return &server{i: i, d: d, started: time.Now()} }

// handler routes what the engine routes, and /simulator.
func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simulator", s.simulator)
	mux.HandleFunc("GET /health", s.health)
	mux.HandleFunc("GET /v1/models", s.guard(s.models))
	mux.HandleFunc("POST /tokenize", s.guard(s.tokenize))
	mux.HandleFunc("POST /v1/completions", s.guard(s.completions))
	mux.HandleFunc("POST /v1/chat/completions", s.guard(s.chat))
	if s.i.metrics {
		mux.HandleFunc("GET /metrics", s.metrics)
	}
	switch s.i.kind {
	case kindVLLM:
		mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, map[string]string{"version": s.i.version})
		})
		if s.i.getenv("VLLM_SERVER_DEV_MODE") == "1" {
			mux.HandleFunc("POST /reset_prefix_cache", func(w http.ResponseWriter, _ *http.Request) {
				s.d.forgetPrefixes()
				reply(w, http.StatusOK, map[string]bool{"success": true})
			})
		}
	case kindSGLang:
		mux.HandleFunc("POST /flush_cache", s.guard(s.sglangFlush))
		mux.HandleFunc("GET /health_generate", s.health)
		mux.HandleFunc("POST /v1/tokenize", s.guard(s.tokenize))
		mux.HandleFunc("GET /model_info", s.guard(s.sglangModelInfo))
		mux.HandleFunc("GET /get_model_info", s.guard(s.sglangModelInfo))
		mux.HandleFunc("GET /server_info", s.guard(s.sglangServerInfo))
		mux.HandleFunc("GET /get_server_info", s.guard(s.sglangServerInfo))
	case kindLlamaCpp:
		mux.HandleFunc("GET /v1/health", s.health)
		mux.HandleFunc("GET /models", s.models)
		mux.HandleFunc("GET /props", s.guard(s.llamaProps))
	}
	return mux
}

// guard checks the key, and for llama-server that the model is loaded.
func (s *server) guard(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.i.kind == kindLlamaCpp && !s.ready.Load() {
			s.loading(w)
			return
		}
		switch s.i.fault.serving {
		case refusesKey:
			s.refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		case talksNonsense:
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html><body>It works!</body></html>")) // the client has gone, and nobody else cares
			return
		}
		key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if len(s.i.apiKeys) > 0 && !slices.Contains(s.i.apiKeys, key) {
			s.refuse(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		next(w, r)
	}
}

func (s *server) loading(w http.ResponseWriter) {
	reply(w, http.StatusServiceUnavailable, map[string]any{"error": map[string]any{"code": 503, "message": "Loading model", "type": "unavailable_error"}})
}

func (s *server) health(w http.ResponseWriter, _ *http.Request) {
	switch {
	case s.i.kind == kindLlamaCpp && !s.ready.Load():
		s.loading(w)
	case !s.ready.Load():
		w.WriteHeader(http.StatusServiceUnavailable)
	case s.i.kind == kindLlamaCpp:
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	default:
		w.WriteHeader(http.StatusOK)
	}
}

func (s *server) models(w http.ResponseWriter, _ *http.Request) {
	type entry struct {
		ID      string         `json:"id"`
		Object  string         `json:"object"`
		Created int64          `json:"created"`
		OwnedBy string         `json:"owned_by"`
		Root    string         `json:"root,omitempty"`
		MaxLen  int            `json:"max_model_len,omitempty"`
		Meta    map[string]any `json:"meta,omitempty"`
	}
	var data []entry
	for _, name := range s.i.names {
		e := entry{ID: name, Object: "model", Created: s.started.Unix(), OwnedBy: s.i.kind, Root: s.i.modelName, MaxLen: s.i.maxLen}
		if s.i.kind == kindLlamaCpp {
			e.Root, e.MaxLen = "", 0
			e.Meta = map[string]any{
				"n_vocab": s.i.model.Vocab, "n_ctx": s.i.maxLen, "n_ctx_train": s.i.model.MaxPosition, "n_embd": s.i.model.Hidden,
				"n_params": int64(s.i.model.Params()), "size": int64(s.i.model.WeightBytes("")),
			}
		}
		data = append(data, e)
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

func (s *server) tokenize(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Prompt   *string   `json:"prompt"`
		Content  *string   `json:"content"` // llama-server
		Messages []message `json:"messages"`
	}
	if err := readJSON(r, &body); err != nil {
		s.refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	text := ""
	switch {
	case body.Content != nil && s.i.kind == kindLlamaCpp:
		text = *body.Content
	case body.Prompt != nil && s.i.kind != kindLlamaCpp:
		text = *body.Prompt
	case body.Messages != nil && s.i.kind == kindVLLM:
		text = template(body.Messages)
	default:
		s.refuse(w, http.StatusBadRequest, "the text to tokenize is missing")
		return
	}
	ids := tokenIDs(text, s.i.model.Vocab)
	if s.i.kind == kindLlamaCpp {
		reply(w, http.StatusOK, map[string]any{"tokens": ids})
		return
	}
	reply(w, http.StatusOK, map[string]any{"tokens": ids, "count": len(ids), "max_model_len": s.i.maxLen, "token_strs": nil})
}

func (s *server) sglangModelInfo(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{"model_path": s.i.modelName, "tokenizer_path": s.i.modelName, "is_generation": true, "model_type": s.i.model.Architecture})
}

// sglangFlush empties the radix cache of a server that has nothing to do.
func (s *server) sglangFlush(w http.ResponseWriter, _ *http.Request) {
	if st := s.d.snapshot(); st.Running+st.Waiting > 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.d.forgetPrefixes()
	w.WriteHeader(http.StatusOK)
}

func (s *server) sglangServerInfo(w http.ResponseWriter, _ *http.Request) {
	info := map[string]any{"version": s.i.version, "model_path": s.i.modelName, "max_total_num_tokens": s.i.fit.KVTokens}
	for name, values := range s.i.args.values {
		info[strings.ReplaceAll(name, "-", "_")] = values[len(values)-1]
	}
	reply(w, http.StatusOK, info)
}

func (s *server) llamaProps(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, map[string]any{
		"total_slots": s.i.scheduling.MaxRunning, "model_path": s.i.modelName, "model_alias": s.i.names[0], "build_info": s.i.version,
		"default_generation_settings": map[string]any{"n_ctx": s.i.maxLen},
	})
}

// simulator says that this is no engine, and how late it was since the last read, in
// wall time: lag is how late a step ended, write how late a token was with the network,
// which has to take a batch's tokens one after the other.
func (s *server) simulator(w http.ResponseWriter, _ *http.Request) {
	lag, write := s.d.lag.read(), s.d.write.read()
	reply(w, http.StatusOK, map[string]any{
		"simulated": true, "version": Version, "engine": s.i.kind, "engine_version": s.i.version, "card": s.i.card.Name, "cards": s.i.cards, "model": s.i.model.ID,
		"speed": s.i.speed, "seed": s.i.seed, "kv_tokens": s.i.fit.KVTokens, "not_modelled": s.i.args.unmodelled(),
		"lag_mean_ms": wallMS(lag.mean), "lag_p50_ms": wallMS(lag.p50), "lag_p99_ms": wallMS(lag.p99), "steps": lag.n,
		"write_mean_ms": wallMS(write.mean), "write_p50_ms": wallMS(write.p50), "write_p99_ms": wallMS(write.p99), "tokens": write.n,
	})
}

func wallMS(d time.Duration) float64 { return float64(d) / 1e6 }

// refuse answers with an error in the engine's own shape.
func (s *server) refuse(w http.ResponseWriter, status int, text string) {
	s.failed.Add(1)
	kind := map[int]string{400: "BadRequestError", 401: "Unauthorized", 404: "NotFoundError"}[status]
	switch s.i.kind {
	case kindSGLang:
		reply(w, status, map[string]any{"object": "error", "message": text, "type": kind, "param": nil, "code": status})
	case kindLlamaCpp:
		kind = map[int]string{400: "invalid_request_error", 401: "authentication_error"}[status]
		reply(w, status, map[string]any{"error": map[string]any{"code": status, "message": text, "type": kind}})
	default:
		reply(w, status, map[string]any{"error": map[string]any{"message": text, "type": kind, "param": nil, "code": status}})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has gone, and nobody else cares
}

const maxBody = 32 << 20

func readJSON(r *http.Request, into any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	if len(body) > maxBody {
		return fmt.Errorf("the request is larger than %d bytes", maxBody)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("the request is no valid JSON: %w", err)
	}
	return nil
}

// promptHash makes what a model answers depend on what it was asked.
func promptHash(raw []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(raw) // a hash does not fail
	return h.Sum64()
}
