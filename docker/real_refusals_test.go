package docker

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func testRefusals(t *testing.T, c *Client) {
	other := guest(t, nil, "sleep")
	other.Name = "qtune-docker-test"
	run(t, c, other)
	for _, row := range []struct {
		why    string
		change func(*Spec)
		want   Reason
	}{
		{"the image is not here", func(s *Spec) { s.Image = "qtune-docker-test:missing" }, NoImage},
		{"the program is not in the image", func(s *Spec) { s.Entrypoint = []string{"vllm"} }, BadCommand},
		{"the program's path is not in the image", func(s *Spec) { s.Entrypoint = []string{"/opt/vllm"} }, BadCommand},
		{"a mounted folder is missing", func(s *Spec) { s.Mounts = []Mount{{Source: "/no/such/model", Target: "/data"}} }, NoMount},
		{"the name is taken", func(s *Spec) { s.Name = "qtune-docker-test" }, NameTaken},
		{"there is no such network", func(s *Spec) { s.Network = "no-such-network" }, BadNetwork},
		{"there is no GPU runtime", func(s *Spec) { s.GPUs.Count = -1 }, NoGPURuntime},
		{"GPUs by name", func(s *Spec) { s.GPUs.IDs = []string{"0", "1"} }, NoGPURuntime},
		{"both kinds of GPU request", func(s *Spec) { s.GPUs = GPUs{Count: 1, IDs: []string{"0"}} }, Invalid},
		{"no image is named", func(s *Spec) { s.Image = "" }, Invalid},
		{"an unknown capability", func(s *Spec) { s.CapAdd = []string{"FLY"} }, Invalid},
	} {
		t.Run(row.why, func(t *testing.T) {
			s := guest(t, &syncBuffer{}, "sleep")
			row.change(&s)
			if s.GPUs.Count != 0 && row.want == NoGPURuntime {
				if _, err := exec.LookPath("nvidia-container-cli"); err == nil {
					t.Skip("this machine has a GPU runtime")
				}
			}
			_, err := c.Run(t.Context(), s)
			var known *Error
			if !errors.As(err, &known) || known.Reason != row.want {
				t.Fatalf("got %v, want the reason %q", err, row.want)
			}
			if row.want != Invalid && known.Hint() == "" {
				t.Errorf("%v has no hint", err)
			}
			t.Log(err)
		})
	}
}

func testWholeLog(t *testing.T, c *Client) {
	var log syncBuffer
	ctr := run(t, c, guest(t, &log, "spam", "50000"))
	if exit := waitDone(t, ctr); exit != (Exit{}) {
		t.Fatalf("got %+v", exit)
	}
	if got := strings.Count(log.String(), "\n"); got != 50000 {
		t.Errorf("%d lines at Done, want 50000", got)
	}
	var again bytes.Buffer
	if err := c.Logs(t.Context(), ctr.ID(), &again); err != nil || again.String() != log.String() {
		t.Errorf("the daemon's own log differs: %d bytes against %d, %v", again.Len(), len(log.String()), err)
	}
}

func testOthers(t *testing.T, c *Client) {
	ctr := run(t, c, guest(t, nil, "sleep"))
	found, err := c.List(t.Context(), testLabel+"="+t.Name())
	if err != nil || len(found) != 1 || found[0].ID != ctr.ID() || found[0].State != "running" || !strings.HasSuffix(found[0].Image, guestTag) || found[0].Name == "" || time.Since(found[0].Created) > time.Minute {
		t.Fatalf("got %+v, %v", found, err)
	}
	if none, err := c.List(t.Context(), testLabel+"=another"); err != nil || len(none) != 0 {
		t.Errorf("got %+v, %v", none, err)
	}
	if err := c.Remove(t.Context(), ctr.ID()); err != nil {
		t.Fatal(err)
	}
	if exit := waitDone(t, ctr); exit.Err == nil {
		t.Errorf("got %+v, want an error: somebody else has removed it", exit)
	}
	if err := c.Remove(t.Context(), ctr.ID()); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
}

func testImages(t *testing.T, c *Client) {
	got, ok, err := c.InspectImage(t.Context(), guestTag)
	if err != nil || !ok || got.Digest != got.ID || !strings.HasPrefix(got.ID, "sha256:") || got.Size < 1<<20 {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if pulled, err := c.Pull(t.Context(), guestTag, PullMissing, nil); err != nil || pulled != got {
		t.Errorf("pulling what is here: %+v, %v", pulled, err)
	}
	for _, row := range []struct {
		why, image, policy string
		want               Reason
	}{
		{"it may not be pulled", "qtune-docker-test:missing", PullNever, NoImage},
		{"its registry is not reachable", "127.0.0.1:1/x:1", PullMissing, NoNetwork},
		{"its registry is not reachable, though it is here", "127.0.0.1:1/x:1", PullAlways, NoNetwork},
		{"there is no such policy", guestTag, "sometimes", Invalid},
		{"its name is none", "UPPER CASE", PullMissing, Invalid},
	} {
		t.Run(row.why, func(t *testing.T) {
			_, err := c.Pull(t.Context(), row.image, row.policy, nil)
			var known *Error
			if !errors.As(err, &known) || known.Reason != row.want {
				t.Errorf("got %v, want the reason %q", err, row.want)
			}
			t.Log(err)
		})
	}
	if _, err := c.ImportImage(t.Context(), "qtune-docker-test:none", map[string]string{"/x": "/no/such/file"}); err == nil {
		t.Error("imported a file that is not there")
	}
	if _, ok, _ := c.InspectImage(t.Context(), "qtune-docker-test:none"); ok {
		t.Error("half an image was left")
	}
}

// testCancelled cancels at twenty moments of a start.
func testCancelled(t *testing.T, c *Client) {
	for i := range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*25*time.Millisecond)
		ctr, err := c.Run(ctx, guest(t, &syncBuffer{}, "sleep"))
		cancel()
		if err == nil {
			if err := ctr.Stop(ctx, 0); err != nil {
				t.Error(err)
			}
		}
		if left, err := c.List(t.Context(), testLabel+"="+t.Name()); err != nil || len(left) != 0 {
			t.Fatalf("cancelled after %d ms: left %v, %v", i*25, left, err)
		}
	}
}
