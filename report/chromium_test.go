package report

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qtune/qtune/tuner"
)

// chromium is a browser on this machine; the test is skipped where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starting a browser takes seconds")
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is installed (Debian: apt-get install chromium): the page was not opened in a browser")
	return ""
}

// browse opens a page and returns what the browser wrote, and the addresses that
// it asked for.
func browse(t *testing.T, page string, flags ...string) (out string, asked []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "net.json")
	flags = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + filepath.Join(dir, "profile"),
		"--log-net-log=" + log, "--enable-logging=stderr", "--v=0", "--virtual-time-budget=3000",
	}, flags...)
	cmd := exec.CommandContext(t.Context(), chromium(t), append(flags, "file://"+page)...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, text)
	}
	return string(text), requests(t, log)
}

// requests are the addresses of the network log's requests.
func requests(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Constants struct {
			Types map[string]int `json:"logEventTypes"`
		} `json:"constants"`
		Events []struct {
			Type   int            `json:"type"`
			Params map[string]any `json:"params"`
		} `json:"events"`
	}
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatalf("the network log: %v", err)
	}
	start, ok := log.Constants.Types["URL_REQUEST_START_JOB"]
	if !ok {
		t.Fatal("the network log does not know of requests")
	}
	var asked []string
	for _, e := range log.Events {
		if url, ok := e.Params["url"].(string); ok && e.Type == start {
			asked = append(asked, url)
		}
	}
	return asked
}

func TestBrowserAsksForNothing(t *testing.T) {
	for name, run := range map[string]string{
		"report": asHTML(t, document(t, sample(t, true), "en")),
		// that the log would show a request, were there one
		"control": `<!DOCTYPE html><title>x</title><img src="http://127.0.0.1:9/picture.png">`,
	} {
		page := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(page, []byte(run), 0o644); err != nil {
			t.Fatal(err)
		}
		_, asked := browse(t, page, "--dump-dom")
		var outside []string
		for _, url := range asked {
			if strings.HasPrefix(url, "http") && !strings.Contains(url, "google") { // what the browser asks for itself
				outside = append(outside, url)
			}
		}
		if (len(outside) == 0) != (name == "report") {
			t.Errorf("the browser asked for %q on the %s page", outside, name)
		}
	}
}

func TestBrowserHasNoComplaint(t *testing.T) {
	for name, run := range map[string]*tuner.PastRun{"measured": sample(t, false), "large": large(t)} {
		page := filepath.Join(t.TempDir(), "page.html")
		if err := os.WriteFile(page, []byte(asHTML(t, document(t, run, "ko"))), 0o644); err != nil {
			t.Fatal(err)
		}
		out, _ := browse(t, page, "--dump-dom")
		for line := range strings.Lines(out) {
			if strings.Contains(line, ":CONSOLE") {
				t.Errorf("%s: %s", name, line)
			}
		}
		if !strings.Contains(out, `<html lang="ko">`) || strings.Count(out, "<svg") < 10 {
			t.Errorf("%s: the page was not read whole", name)
		}
	}
}

func TestPageFitsPhoneAndPaper(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	// a page that is wider than its window could be moved sideways; a script tells,
	// in a copy without the policy that forbids scripts
	text := asHTML(t, document(t, sample(t, true), "en"))
	text = strings.Replace(text, `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`, "", 1)
	text += `<script>document.title = "scroll " + document.documentElement.scrollWidth + " window " + innerWidth + (document.documentElement.scrollWidth > innerWidth ? " too wide" : " fits")</script>`
	if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, size := range []string{"500,900", "1000,900"} {
		out, _ := browse(t, page, "--dump-dom", "--window-size="+size)
		if title := out[strings.Index(out, "<title>"):]; !strings.Contains(title[:80], "fits") {
			t.Errorf("at %s: %s", size, title[:80])
		}
	}
	pdf := filepath.Join(t.TempDir(), "page.pdf")
	browse(t, page, "--print-to-pdf="+pdf, "--no-pdf-header-footer")
	if info, err := os.Stat(pdf); err != nil || info.Size() < 20_000 {
		t.Errorf("no PDF: %v", err)
	}
}
