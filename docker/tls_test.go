package docker

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// authority signs certificates and keeps all of them in one folder: ca.pem, and for
// each NAME NAME.pem and NAME-key.pem.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, caFile, "ca-key.pem")
	return a
}

// sign makes a certificate by a template, signed by the authority, or by itself if
// that is the authority's own.
func (a *authority) sign(t *testing.T, of *x509.Certificate, cert, key string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of.SerialNumber, of.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: cert}
	of.NotBefore = time.Now().Add(-time.Hour)
	if of.NotAfter.IsZero() {
		of.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = of, private
	}
	der, err := x509.CreateCertificate(rand.Reader, of, parent, private.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	of, err1 := x509.ParseCertificate(der)
	secret, err2 := x509.MarshalPKCS8PrivateKey(private)
	err = errors.Join(err1, err2,
		os.WriteFile(filepath.Join(a.dir, cert), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(filepath.Join(a.dir, key), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return of, private
}

// server makes a daemon's certificate, for an address.
func (a *authority) server(t *testing.T, name, ip string, until time.Time) (cert, key string) {
	t.Helper()
	a.sign(t, &x509.Certificate{IPAddresses: []net.IP{net.ParseIP(ip)}, NotAfter: until, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, name+".pem", name+"-key.pem")
	return filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+"-key.pem")
}

// client makes the certificate of whoever calls, under the names that the docker
// command gives them.
func (a *authority) client(t *testing.T) {
	t.Helper()
	a.sign(t, &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, certFile, keyFile)
}

// folder has some of the authority's files, under the docker command's names.
func (a *authority) folder(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(a.dir, f))
		if err = errors.Join(err, os.WriteFile(filepath.Join(dir, f), text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// secured serves the fake by TLS, and asks who calls for a certificate.
func secured(t *testing.T, f *fake, a *authority, cert, key string) string {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	s := httptest.NewUnstartedServer(f.server.Config.Handler)
	s.Config.ErrorLog = nil
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return "tcp://" + s.Listener.Addr().String()
}

// tlsRow is a way to call a daemon that wants TLS, and what comes of it.
type tlsRow struct {
	why, host string
	folder    string // of certificates; "" turns TLS off
	reason    Reason // "" where it connects
	says      string
}

// tlsRows are for a daemon at host, whose authority has made its certificate and one
// for whoever calls.
func tlsRows(t *testing.T, host string, a *authority) []tlsRow {
	t.Helper()
	stranger := newAuthority(t)
	stranger.client(t)
	mixed := a.folder(t, caFile)
	for _, f := range []string{certFile, keyFile} {
		if err := os.Rename(filepath.Join(stranger.folder(t, f), f), filepath.Join(mixed, f)); err != nil {
			t.Fatal(err)
		}
	}
	return []tlsRow{
		{"certificates that fit", host, a.folder(t, caFile, certFile, keyFile), "", ""},
		{"a daemon whose certificate somebody else has signed", host, stranger.folder(t, caFile, certFile, keyFile), BadTLS, "unknown authority"},
		{"a caller whose certificate somebody else has signed", host, mixed, BadTLS, "tls: "},
		{"a caller without a certificate", host, a.folder(t, caFile), BadTLS, "tls: "},
		{"a caller without TLS", host, "", BadTLS, "HTTP"},
		{"a certificate without its key", host, a.folder(t, caFile, certFile), BadHost, "key"},
		{"no certificate to check the daemon's with", host, a.folder(t, certFile, keyFile), BadHost, "no ca.pem"},
	}
}

// connects calls a daemon as a row says.
func (r *tlsRow) connects(t *testing.T) *Client {
	t.Helper()
	t.Setenv("DOCKER_HOST", r.host)
	t.Setenv("DOCKER_CERT_PATH", r.folder)
	verify := "1"
	if r.folder == "" {
		verify = ""
	}
	t.Setenv("DOCKER_TLS_VERIFY", verify)
	c, err := Connect(t.Context(), zerolog.Nop())
	if (err == nil) != (r.reason == "") {
		t.Fatalf("got %v, want the reason %q", err, r.reason)
	}
	if err == nil {
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	var known *Error
	if !errors.As(err, &known) || known.Reason != r.reason || !strings.Contains(err.Error(), r.says) || !strings.Contains(known.Hint(), "DOCKER_CERT_PATH") {
		t.Errorf("got %q with reason %q and hint %q, want %q and reason %q", err, known.Reason, known.Hint(), r.says, r.reason)
	}
	t.Log(err)
	return nil
}

func TestTLS(t *testing.T) {
	f, a := newFake(t), newAuthority(t)
	a.client(t)
	good, goodKey := a.server(t, "daemon", "127.0.0.1", time.Time{})
	late, lateKey := a.server(t, "late", "127.0.0.1", time.Now().Add(-time.Minute))
	other, otherKey := a.server(t, "other", "192.0.2.7", time.Time{})
	fits := a.folder(t, caFile, certFile, keyFile)
	rows := append(tlsRows(t, secured(t, f, a, good, goodKey), a),
		tlsRow{"a daemon whose certificate has expired", secured(t, f, a, late, lateKey), fits, BadTLS, "expired"},
		tlsRow{"a daemon whose certificate is for another address", secured(t, f, a, other, otherKey), fits, BadTLS, "192.0.2.7"},
		tlsRow{"a daemon without TLS", "tcp://" + f.server.Listener.Addr().String(), fits, BadTLS, "HTTPS"},
	)
	for _, r := range rows {
		t.Run(r.why, func(t *testing.T) {
			if c := r.connects(t); c != nil {
				if err := c.Await(t.Context(), 0); err != nil {
					t.Errorf("asking again whether it is there: %v", err)
				}
			}
		})
	}
}
