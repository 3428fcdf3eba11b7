package arangodb

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// claims are what the server's tokens say.
type claims struct {
	User     string `json:"preferred_username"`
	Issuer   string `json:"iss"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// login answers POST /_open/auth.
func (s *Server) login(r request) (answer, error) {
	var who struct{ Username, Password string }
	if err := r.decode(&who); err != nil {
		return answer{}, err
	}
	if s.options.User != "" && (who.Username != s.options.User || who.Password != s.options.Password) {
		return answer{}, &failure{401, 401, "Wrong credentials"}
	}
	now := time.Now()
	token := s.sign(claims{who.Username, "arangodb", now.Unix(), now.Add(s.options.TokenLifetime).Unix()})
	return answer{status: 200, raw: encode(map[string]string{"jwt": token})}, nil
}

func (s *Server) sign(c claims) string {
	token := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(encode(c))
	return token + "." + base64.RawURLEncoding.EncodeToString(s.seal(token))
}

func (s *Server) seal(token string) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(token))
	return mac.Sum(nil)
}

// authenticate looks at a password or token.
func (s *Server) authenticate(r *http.Request) error {
	if s.options.User == "" {
		return nil
	}
	user, password, ok := r.BasicAuth()
	if ok && user == s.options.User && password == s.options.Password {
		return nil
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") && s.accepts(strings.TrimSpace(token)) {
		return nil
	}
	return &failure{401, 11, "not authorized to execute this request"}
}

func (s *Server) accepts(token string) bool {
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
	s.mu.Lock()
	ok := err == nil && hmac.Equal(signature, s.seal(token[:dot]))
	s.mu.Unlock()
	if !ok {
		return false
	}
	_, payload, _ := strings.Cut(token[:dot], ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	var c claims
	return err == nil && json.Unmarshal(text, &c) == nil && c.Expires > time.Now().Unix()
}
