// Package cookies is a Traefik plugin that keeps Usher's cookies from an app: anybody who holds one may be signed in by it.
package cookies

import (
	"context"
	"net/http"
	"strings"
)

// Config has no settings: the names of Usher's cookies all begin alike.
type Config struct{}

// CreateConfig is called by Traefik for the default settings.
func CreateConfig() *Config {
	return &Config{}
}

type stripper struct {
	next http.Handler
}

// New is called by Traefik for each router that uses the plugin.
func New(_ context.Context, next http.Handler, _ *Config, _ string) (http.Handler, error) {
	return &stripper{next: next}, nil
}

func (s *stripper) ServeHTTP(response http.ResponseWriter, request *http.Request) {
	kept := []string{}
	for _, line := range request.Header["Cookie"] {
		for _, pair := range strings.Split(line, ";") {
			pair = strings.TrimSpace(pair)
			if pair != "" && !strings.HasPrefix(pair, "__Host-usher") && !strings.HasPrefix(pair, "__Secure-usher") {
				kept = append(kept, pair)
			}
		}
	}
	request.Header.Del("Cookie")
	if len(kept) > 0 {
		request.Header.Set("Cookie", strings.Join(kept, "; "))
	}
	s.next.ServeHTTP(response, request)
}
