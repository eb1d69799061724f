package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/qtune/qtune/bench"
	"github.com/qtune/qtune/profiles"
)

const (
	// probeLimit bounds one question about health or models, in wall time.
	// SGLang's health generates a token and gives itself 20 s for that.
	probeLimit = 30 * time.Second
	// maxAnswer bounds what is read of an answer, in bytes.
	maxAnswer = 1 << 20
	// rubbishLimit is how many answers in a row without a token are taken for
	// those of a server that is still warming up.
	rubbishLimit = 5
)

// prober asks a server, step by step, whether it serves.
type prober struct {
	kind    Kind
	base    string // scheme, host and port
	key     string // bearer token; ""
	model   string // the name to ask for; for a server that is already up, as it names it
	root    string // what that model is loaded from, another name for it
	any     bool   // a server that is already up: it may be of any make
	gpus    bool   // it was given cards
	http    *http.Client
	rubbish int
}

func (l *Launcher) prober(st Start, addr string) *prober {
	k, _ := Lookup(st.Engine.Kind)
	return &prober{
		kind: k, base: "http://" + addr, key: apiKey(k, st.Candidate), model: ServedName(st.Engine, st.Candidate, st.Model),
		root: st.Model.ID, http: newHTTP(), gpus: l.Simulate == nil && len(l.gpus(st.GPU).IDs) > 0,
	}
}

// newHTTP is a client that keeps no connection: a server under measurement must
// not have one of ours.
func newHTTP() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it may lead anywhere
	}
}

// apiKey is the token that the engine was told to ask for.
func apiKey(k Kind, c profiles.Candidate) string {
	if v, ok := flagValue(c, cmp.Or(k.key, "api-key")); ok {
		if v.Kind == profiles.KindList && len(v.List) > 0 {
			v = v.List[0] // of several, each will do
		}
		return plain(v)
	}
	names := []string{"OPENAI_API_KEY"}
	if twin := k.secretEnv["api-key"]; twin != "" {
		names = []string{twin}
	}
	for _, v := range c.Env {
		if slices.Contains(names, v.Name) {
			return plain(v.Value)
		}
	}
	return ""
}

func (p *prober) target() bench.Target {
	return bench.Target{URL: p.base, Model: p.model, APIKey: p.key}
}

// notYet says why a server does not serve so far.
type notYet struct{ reason string }

func (e notYet) Error() string { return e.reason }

// probe asks once. nil: it serves. A notYet may pass; a *refusal will not.
func (p *prober) probe(ctx context.Context) error {
	if err := p.health(ctx); err != nil {
		return err
	}
	if err := p.models(ctx); err != nil {
		return err
	}
	if err := p.token(ctx); err != nil || p.kind.serves == nil {
		return err
	}
	return p.kind.serves(ctx, p)
}

// refusal is an answer that waiting does not change.
type refusal struct{ *Failure }

func (e refusal) Error() string { return e.Failure.String() }

func (p *prober) health(ctx context.Context) error {
	if p.kind.Health == "" {
		return nil
	}
	status, _, err := p.ask(ctx, probeLimit, http.MethodGet, p.kind.Health, nil)
	switch {
	case err != nil:
		return err
	case status/100 != 2:
		return notYet{fmt.Sprintf("GET %s answered %d", p.kind.Health, status)}
	}
	return nil
}

// models makes sure that the server has the model that is to be measured, and
// no other in its place.
func (p *prober) models(ctx context.Context) error {
	status, body, err := p.ask(ctx, probeLimit, http.MethodGet, "/v1/models", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return p.status("GET /v1/models", status, body)
	}
	var list struct {
		Data []struct{ ID, Root string } `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return p.noToken(fmt.Sprintf("GET /v1/models: %v", err))
	}
	var names []string
	for _, m := range list.Data {
		if m.ID == p.model {
			return nil
		}
		if p.any && p.root != "" && (m.Root == p.root || path.Base(m.Root) == path.Base(p.root)) {
			p.model = m.ID
			return nil
		}
		names = append(names, m.ID)
	}
	return p.otherModels(names)
}

func (p *prober) otherModels(names []string) error {
	switch {
	case p.any && p.model == "" && len(names) == 1:
		p.model = names[0]
		return nil
	case len(names) == 0:
		return refusal{fail(ModelMissing, "the server lists no model", "it was started without one")}
	}
	line := fmt.Sprintf("the server lists %s, not %s", show(strings.Join(names, ", ")), p.model)
	return refusal{fail(ModelMissing, line, "set model.id to a name that the server lists; is it the server you mean?")}
}

// token has one token generated.
func (p *prober) token(ctx context.Context) error {
	request := map[string]any{"model": p.model, "prompt": "Hello", "max_tokens": 1, "temperature": 0}
	status, body, err := p.ask(ctx, 0, http.MethodPost, "/v1/completions", request)
	if err == nil && p.any && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
		delete(request, "prompt")
		request["messages"] = []map[string]string{{"role": "user", "content": "Hello"}}
		status, body, err = p.ask(ctx, 0, http.MethodPost, "/v1/chat/completions", request)
	}
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return p.status("the first request", status, body)
	}
	return p.generated(body)
}

// generated checks that an answer holds a token.
func (p *prober) generated(body []byte) error {
	var answer struct {
		Choices []struct {
			Text    string
			Message struct{ Content string }
		}
		Usage struct {
			CompletionTokens int `json:"completion_tokens"`
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return p.noToken("the first request's answer is no JSON: " + err.Error())
	}
	// The text of a token may be empty: the end of the text, half a character.
	if answer.Usage.CompletionTokens > 0 {
		return nil
	}
	for _, c := range answer.Choices {
		if c.Text != "" || c.Message.Content != "" {
			return nil
		}
	}
	return p.noToken("the first request was answered without a token")
}

func (p *prober) noToken(reason string) error {
	if p.rubbish++; p.rubbish >= rubbishLimit {
		return refusal{fail(BadAnswer, show(reason), "it answers, but not as an OpenAI server does: is it the server you mean?")}
	}
	return notYet{reason}
}

// status sorts an answer that is not 200.
func (p *prober) status(what string, status int, body []byte) error {
	line := show(fmt.Sprintf("%s was answered %d: %s", what, status, body))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return refusal{fail(Unauthorized, line, "give the key: flags { api-key = env(\"…\") }, or env = { OPENAI_API_KEY = env(\"…\") } for a server that is already up")}
	case status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status == http.StatusTooEarly:
		return notYet{line}
	}
	return p.noToken(line)
}

// ask sends one request. A server that cannot be reached, or does not answer in
// time, is a notYet: refused, reset and cut off all mean that it is starting.
// limit 0 leaves the time to ctx.
func (p *prober) ask(ctx context.Context, limit time.Duration, method, path string, body any) (int, []byte, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, r)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if p.key != "" {
		req.Header.Set("Authorization", "Bearer "+p.key)
	}
	return p.send(req)
}

func (p *prober) send(req *http.Request) (int, []byte, error) {
	what := req.Method + " " + req.URL.Path
	res, err := p.http.Do(req)
	if err != nil {
		return 0, nil, notYet{silence(what, err)}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, notYet{silence(what, err)}
	}
	return res.StatusCode, answer, nil
}

func silence(what string, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return what + " was not answered in time"
	}
	return show(err.Error())
}

// version asks the server for its version; "" where it does not say.
func (p *prober) version(ctx context.Context) string {
	if p.kind.version.path == "" {
		return ""
	}
	status, body, err := p.ask(ctx, 5*time.Second, http.MethodGet, p.kind.version.path, nil)
	var answer map[string]any
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return ""
	}
	v, _ := answer[p.kind.version.key].(string)
	return show(v)
}
