package bench

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
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
// What is not measured goes over connections of its own.
type link struct {
	target    Target
	base      *url.URL
	auth      string
	tls       *tls.Config
	transport *http.Transport
	side      *http.Transport
	dial      dialFunc
	epoch     time.Time
	ready     chan net.Conn // opened and not yet used
	taken     atomic.Int64  // how many the transport has been given
	sockets   sockets
	hub       *hub // nil: requests go over the transport
}

// newLink makes a link for at most streams connections; nil dial means the network.
func newLink(t Target, streams int, dial dialFunc) (*link, error) {
	base, err := url.Parse(strings.TrimSuffix(t.URL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, fmt.Errorf("the server's address %q is not a URL such as http://127.0.0.1:8000", t.URL)
	}
	if dial == nil {
		dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	secure := &tls.Config{ServerName: base.Hostname()}
	if len(t.CA) > 0 {
		secure.RootCAs = x509.NewCertPool()
		if !secure.RootCAs.AppendCertsFromPEM(t.CA) {
			return nil, &usageError{"the certificates to trust hold none", "give PEM text with CERTIFICATE blocks"}
		}
	}
	l := &link{target: t, base: base, dial: dial, tls: secure, epoch: time.Now(), ready: make(chan net.Conn, streams)}
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
	l.side = &http.Transport{DialContext: dial, TLSClientConfig: secure, MaxConnsPerHost: 2, IdleConnTimeout: maxIdleTime}
	return l, nil
}

// reads says whether the link's hub reads the answers of w.
func (l *link) reads(w *wire) bool { return l.hub != nil && w.dialect != dialectWhole }

// open opens what is missing of n connections. One that cannot be opened is left
// to fail where it can be counted: in the request that needs it.
func (l *link) open(ctx context.Context, n int) {
	l.add(ctx, min(n, cap(l.ready))-len(l.ready)-int(l.taken.Load()))
}

// address is where the server listens, with its port.
func (l *link) address() string {
	if l.base.Port() != "" {
		return l.base.Host
	}
	return net.JoinHostPort(l.base.Hostname(), map[string]string{"http": "80", "https": "443"}[l.base.Scheme])
}

// add opens n more connections.
func (l *link) add(ctx context.Context, n int) {
	addr := l.address()
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallelDials)
	for range n {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			conn, err := l.connect(ctx, "tcp", addr)
			if err != nil {
				return
			}
			select {
			case l.ready <- conn:
			default:
				_ = conn.Close()
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
	if err != nil {
		return nil, err
	}
	l.sockets.add(func() (int, bool) { return unread(conn) })
	if l.base.Scheme == "http" {
		return &stampedConn{Conn: conn, raw: conn, epoch: l.epoch}, nil
	}
	secure := tls.Client(conn, l.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &stampedConn{Conn: secure, raw: conn, epoch: l.epoch}, nil
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

// close closes every connection that is no stream's.
func (l *link) close() {
	l.hub.close()
	l.transport.CloseIdleConnections()
	l.side.CloseIdleConnections()
	for {
		select {
		case conn := <-l.ready:
			_ = conn.Close()
		default:
			return
		}
	}
}

// send sends a body to path. Redirects are not followed.
func (l *link) send(ctx context.Context, path, accept string, body []byte) (*http.Response, error) {
	req, err := l.request(ctx, http.MethodPost, path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	return l.transport.RoundTrip(req)
}

func (l *link) request(ctx context.Context, method, path string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, l.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("making a request to %s: %w", path, err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if l.auth != "" {
		req.Header.Set("Authorization", l.auth)
	}
	for name, values := range l.target.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	return req, nil
}

// ask sends something outside of any measurement and gives the answer's body, cut
// at limit bytes.
func (l *link) ask(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, error) {
	req, err := l.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	res, err := l.side.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", path, err)
	}
	if res.StatusCode != http.StatusOK {
		return answer, statusError(res.StatusCode)
	}
	return answer, nil
}

// Get asks the target for something beside its load, with its headers, key and
// certificates, and gives the answer's status and at most 1 MiB of its body.
func (t Target) Get(ctx context.Context, path string) (status int, body []byte, err error) {
	return t.side(ctx, http.MethodGet, path, nil)
}

// Post sends JSON to the target beside its load, as Get asks for something.
func (t Target) Post(ctx context.Context, path string, sent []byte) (status int, body []byte, err error) {
	return t.side(ctx, http.MethodPost, path, sent)
}

func (t Target) side(ctx context.Context, method, path string, sent []byte) (status int, body []byte, err error) {
	l, err := newLink(t, 1, nil)
	if err != nil {
		return 0, nil, err
	}
	defer l.close()
	body, err = l.ask(ctx, method, path, sent, 1<<20)
	var code statusError
	if errors.As(err, &code) {
		return int(code), body, nil
	}
	return http.StatusOK, body, err
}

type statusError int

func (s statusError) Error() string { return fmt.Sprintf("HTTP %d", int(s)) }
