package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connectTimeout = 10 * time.Second // wall time
	parallelDials  = 64
	maxIdleTime    = 90 * time.Second
)

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// link is the connections to one server over HTTP/1.1, one a stream. They are
// opened before the clock starts, so that no request pays for its connection.
type link struct {
	target    Target
	base      *url.URL
	path      string
	auth      string
	transport *http.Transport
	dial      dialFunc
	ready     chan net.Conn // opened and not yet used
	taken     atomic.Int64  // how many the transport has been given
}

// newLink makes a link for streams connections; nil dial means the network.
func newLink(t Target, path string, streams int, dial dialFunc) (*link, error) {
	base, err := url.Parse(strings.TrimSuffix(t.URL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("the server's address %q is not a URL such as http://127.0.0.1:8000", t.URL)
	}
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	l := &link{target: t, base: base, path: path, dial: dial, ready: make(chan net.Conn, streams)}
	if t.APIKey != "" {
		l.auth = "Bearer " + t.APIKey
	}
	l.transport = &http.Transport{
		DialContext:            l.take,
		DialTLSContext:         l.take,
		MaxIdleConnsPerHost:    streams,
		MaxConnsPerHost:        streams,
		IdleConnTimeout:        maxIdleTime,
		DisableCompression:     true,
		ReadBufferSize:         16 << 10,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return l, nil
}

// open opens what is missing of one connection for each stream. One that cannot
// be opened is left to fail where it can be counted: in the request that needs it.
func (l *link) open(ctx context.Context) {
	addr := l.base.Host
	if l.base.Port() == "" {
		addr = net.JoinHostPort(l.base.Hostname(), map[string]string{"http": "80", "https": "443"}[l.base.Scheme])
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallelDials)
	for range cap(l.ready) - len(l.ready) - int(l.taken.Load()) {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			conn, err := l.connect(ctx, "tcp", addr)
			if err == nil {
				l.ready <- conn
			}
		})
	}
	wg.Wait()
}

// connect opens one connection, TLS handshake included.
func (l *link) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := l.dial(ctx, network, addr)
	if err != nil || l.base.Scheme == "http" {
		return conn, err
	}
	secure := tls.Client(conn, &tls.Config{ServerName: l.base.Hostname()})
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// take gives the transport a connection: an opened one that is still alive, else a new one.
func (l *link) take(ctx context.Context, network, addr string) (net.Conn, error) {
	l.taken.Add(1)
	for {
		select {
		case conn := <-l.ready:
			if alive(conn) {
				return conn, nil
			}
			_ = conn.Close()
		default:
			return l.connect(ctx, network, addr)
		}
	}
}

// close closes every connection.
func (l *link) close() {
	l.transport.CloseIdleConnections()
	for {
		select {
		case conn := <-l.ready:
			_ = conn.Close()
		default:
			return
		}
	}
}

// post sends a body to the API. Redirects are not followed.
func (l *link) post(ctx context.Context, body []byte) (*http.Response, error) {
	return l.send(ctx, l.path, "text/event-stream", body)
}

func (l *link) send(ctx context.Context, path, accept string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making a request to %s: %w", path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if l.auth != "" {
		req.Header.Set("Authorization", l.auth)
	}
	return l.transport.RoundTrip(req)
}

// ask sends a body outside of any measurement and gives the answer's, cut at limit bytes.
func (l *link) ask(ctx context.Context, path string, body []byte, limit int64) ([]byte, error) {
	res, err := l.send(ctx, path, "application/json", body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, statusError(res.StatusCode)
	}
	return answer, nil
}

type statusError int

func (s statusError) Error() string { return fmt.Sprintf("HTTP %d", int(s)) }
