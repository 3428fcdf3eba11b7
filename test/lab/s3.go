package lab

import (
	"encoding/xml"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"testing"
)

// S3Proxy stands before a MinIO server and answers in its place what a server
// answers when it is in trouble.
type S3Proxy struct {
	Addr string // host:port

	mu     sync.Mutex
	answer func(*http.Request) (status int, code string)
	wrong  int
}

// NewS3Proxy makes one that passes everything on.
func NewS3Proxy(t testing.TB, upstream string) *S3Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &S3Proxy{Addr: l.Addr().String()}
	// The Host stays the one that the request was signed for.
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", upstream }}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, code := p.judge(r)
		if status == 0 {
			pass.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		// Who does not read the answer has gone.
		_ = xml.NewEncoder(w).Encode(struct {
			XMLName xml.Name `xml:"Error"`
			Code    string
			Message string
		}{Code: code, Message: "said by the test in the server's place"})
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return p
}

// Answer has answer judge every request from now on: a status of 0 passes it on
// to the server. nil passes everything on.
func (p *S3Proxy) Answer(answer func(*http.Request) (status int, code string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer, p.wrong = answer, 0
}

// Answered is how many requests were answered in the server's place.
func (p *S3Proxy) Answered() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

func (p *S3Proxy) judge(r *http.Request) (int, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answer == nil {
		return 0, ""
	}
	status, code := p.answer(r)
	if status != 0 {
		p.wrong++
	}
	return status, code
}
