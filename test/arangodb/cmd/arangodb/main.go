// Command arangodb serves the test server of package arangodb, for clients that
// are no Go test.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/streamforge/gnn-trainer/test/arangodb"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "arangodb:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:8529", "host:port to listen on")
	user := flag.String("user", "", "the one user; empty: anybody may do all")
	password := flag.String("password", "", "of the user")
	cert := flag.String("tls-cert", "", "PEM file; serves HTTPS")
	key := flag.String("tls-key", "", "PEM file of its key")
	flag.Parse()
	if (*cert == "") != (*key == "") {
		return errors.New("-tls-cert and -tls-key go together")
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	handler := arangodb.New(arangodb.Options{User: *user, Password: *password})
	if *cert == "" {
		fmt.Printf("listening on http://%s\n", l.Addr())
		return http.Serve(l, handler)
	}
	fmt.Printf("listening on https://%s\n", l.Addr())
	return http.ServeTLS(l, handler, *cert, *key)
}
