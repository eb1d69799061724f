package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultHub is where models come from unless HF_ENDPOINT says otherwise.
	DefaultHub = "https://huggingface.co"
	// hubLimit bounds one question to the hub.
	hubLimit = 30 * time.Second
	// maxListing bounds a repository's list of files, in bytes.
	maxListing = 16 << 20
)

// HubFile is one file of a model's repository.
type HubFile struct {
	Name  string
	Bytes int64
}

// HubModel is what the hub says of a model.
type HubModel struct {
	Commit string
	Files  []HubFile // what an engine needs, sorted by name
	Bytes  int64     // of Files together
	Whole  bool      // Files is all that the repository has
}

// HubError says why the hub could not be asked, or did not say.
type HubError struct {
	Model  string
	Status int // of its answer; 0: it was not reached
	Err    error
}

// Error implements error.
func (e *HubError) Error() string {
	return fmt.Sprintf("asking the hub for the files of %s: %v", e.Model, e.Err)
}

// Unwrap gives the cause.
func (e *HubError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *HubError) Hint() string {
	switch e.Status {
	case 0:
		return "is this machine online, and HF_ENDPOINT right? Without a network, set model.path to a folder that holds the model"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "check model.id; for a private or gated model accept its terms on the hub and set HF_TOKEN"
	case http.StatusNotFound:
		return "check model.id and model.revision"
	}
	return "try again later, or set model.path to a folder that holds the model"
}

// HubEndpoint is the hub's address without a slash at its end.
func HubEndpoint(environ []string) string {
	if e := strings.TrimRight(getenv(environ, "HF_ENDPOINT"), "/"); e != "" {
		return e
	}
	return DefaultHub
}

// HubToken is the token that the Hugging Face libraries would use: HF_TOKEN, or
// what their login has left in a file; "" if there is none.
func HubToken(environ []string) string {
	for _, name := range []string{"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"} {
		if token := getenv(environ, name); token != "" {
			return token
		}
	}
	path := getenv(environ, "HF_TOKEN_PATH")
	if home := hubHome(environ); path == "" && home != "" {
		path = filepath.Join(home, "token")
	}
	token, err := os.ReadFile(path)
	if err != nil || len(token) > 4096 {
		return ""
	}
	return strings.TrimSpace(string(token))
}

// HubSize asks the hub which files a model has and how large they are. revision
// "" is the default branch; token "" asks as nobody. The error is a *HubError,
// or the cause of ctx.
func HubSize(ctx context.Context, endpoint, id, revision, token string) (HubModel, error) {
	ctx, cancel := context.WithTimeout(ctx, hubLimit)
	defer cancel()
	if revision == "" {
		revision = "main"
	}
	where := endpoint + "/api/models/" + (&url.URL{Path: id}).EscapedPath() + "/revision/" + url.PathEscape(revision) + "?blobs=true"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return HubModel{}, &HubError{Model: id, Err: err}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	client := newHTTP()
	client.CheckRedirect = nil // the hub sends on those who ask for a model by an old name; a token stays with its host
	res, err := client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
			return HubModel{}, cause
		}
		return HubModel{}, &HubError{Model: id, Err: err}
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return HubModel{}, &HubError{Model: id, Status: res.StatusCode, Err: fmt.Errorf("%s answered %s", endpoint, res.Status)}
	}
	return listing(id, io.LimitReader(res.Body, maxListing))
}

func listing(id string, r io.Reader) (HubModel, error) {
	var answer struct {
		SHA      string
		Siblings []struct {
			Name string `json:"rfilename"`
			Size int64
		}
	}
	if err := json.NewDecoder(r).Decode(&answer); err != nil {
		return HubModel{}, &HubError{Model: id, Status: http.StatusOK, Err: fmt.Errorf("its answer is no list of files: %w", err)}
	}
	m := HubModel{Commit: answer.SHA}
	for _, s := range answer.Siblings {
		m.Files = append(m.Files, HubFile{s.Name, max(s.Size, 0)})
	}
	if len(m.Files) == 0 {
		return HubModel{}, &HubError{Model: id, Status: http.StatusOK, Err: errors.New("the repository is empty")}
	}
	all := len(m.Files)
	m.Files = wanted(m.Files)
	m.Whole = len(m.Files) == all
	for _, f := range m.Files {
		m.Bytes += f.Bytes
	}
	return m, nil
}

// wanted leaves out the same weights in other formats: where there are
// safetensors files at the root, engines read nothing else.
func wanted(files []HubFile) []HubFile {
	safetensors := slices.ContainsFunc(files, func(f HubFile) bool {
		return isWeights(f.Name) && strings.HasSuffix(f.Name, ".safetensors") && !strings.HasPrefix(f.Name, "consolidated")
	})
	kept := slices.DeleteFunc(slices.Clone(files), func(f HubFile) bool { return safetensors && isCopy(f.Name) })
	slices.SortFunc(kept, func(a, b HubFile) int { return strings.Compare(a.Name, b.Name) })
	return kept
}

func isCopy(name string) bool {
	if slices.Contains([]string{".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".onnx_data", ".gguf", ".ot", ".tflite"}, filepath.Ext(name)) {
		return true
	}
	return strings.HasPrefix(name, "original/") || strings.HasPrefix(name, "consolidated") && strings.HasSuffix(name, ".safetensors")
}

// bytesText is a size for people, in binary units.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, u := float64(n), 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}
