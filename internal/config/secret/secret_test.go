package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/streamforge/gnn-trainer/internal/config/secret"
)

const canary = "canary-7f3a"

type holder struct {
	User     string
	Password secret.String
}

func TestASecretIsNotShownByAnyVerbOrEncoder(t *testing.T) {
	h := holder{User: "ann", Password: canary}
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%T %v"} {
		shown[verb] = fmt.Sprintf(verb, h)
		shown["pointer "+verb] = fmt.Sprintf(verb, &h)
		shown["alone "+verb] = fmt.Sprintf(verb, h.Password)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	shown["json"] = string(b)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "h", h, "p", h.Password)
	zl := zerolog.New(&log)
	zl.Info().Interface("h", h).Any("p", h.Password).Stringer("s", h.Password).Msg("x")
	shown["logs"] = log.String()

	hex := fmt.Sprintf("%x", canary)
	for how, text := range shown {
		if strings.Contains(text, canary) || strings.Contains(text, hex) {
			t.Errorf("%s shows the secret: %s", how, text)
		}
	}
}

func TestASecretIsRevealedOnRequestAndSeenToBeSetOrNot(t *testing.T) {
	s := secret.String(canary)
	if s.Reveal() != canary {
		t.Errorf("Reveal gives %q", s.Reveal())
	}
	if got := fmt.Sprint(s); got == "" {
		t.Error("a set secret looks unset")
	}
	if got := fmt.Sprint(secret.String("")); got != "" {
		t.Errorf("an unset secret is shown as %q", got)
	}
}
