package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// importLimit bounds an import: a binary of 40 MB takes a second.
const importLimit = 5 * time.Minute

// ImportImage makes an image out of files of this host, under tag. files maps
// the absolute path in the image to a file here, whose permissions are kept; a
// path that ends in "/" makes an empty folder and its file is "". The image has
// no entrypoint or command: Spec gives them. Each import makes a new image, and
// an older one of the same tag stays without a name, so put a hash of the
// content into the tag and ask InspectImage first.
func (c *Client) ImportImage(ctx context.Context, tag string, files map[string]string) (Image, error) {
	op := "importing the image " + tag
	ctx, cancel := context.WithTimeout(ctx, importLimit)
	defer cancel()
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(w, files)
		packed <- errors.Join(err, w.CloseWithError(err))
	}()
	err := c.importTar(ctx, r, tag)
	_ = r.CloseWithError(errors.New("the daemon stopped reading")) // always nil; lets pack end
	if perr := <-packed; perr != nil && err == nil {
		err = perr
	}
	if err != nil {
		return Image{}, fail(op, err)
	}
	return c.present(ctx, tag)
}

func (c *Client) importTar(ctx context.Context, r io.Reader, tag string) error {
	report, err := c.api.ImageImport(ctx, client.ImageImportSource{Source: r, SourceName: "-"}, tag, client.ImageImportOptions{})
	if err != nil {
		return err
	}
	defer report.Close()
	return readMessages(report, func(message) {})
}

// pack writes the tar, in the order of the paths.
func pack(w io.Writer, files map[string]string) error {
	t := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := add(t, name, files[name]); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	return t.Close()
}

func add(t *tar.Writer, name, file string) error {
	inside := strings.TrimPrefix(path.Clean("/"+name), "/")
	if strings.HasSuffix(name, "/") {
		return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: inside + "/", Mode: 0o755})
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // read only
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", file)
	}
	if err := t.WriteHeader(&tar.Header{Name: inside, Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(t, f)
	return err
}
