package barlength

import (
	"slices"
	"testing"
	"time"
)

func TestOtherSpellingsOfALengthAreUnderstood(t *testing.T) {
	for text, want := range map[string][]time.Duration{
		"5min": {5 * time.Minute}, "5T": {5 * time.Minute}, "PT5M": {5 * time.Minute}, "300": {5 * time.Minute}, "300s": {5 * time.Minute},
		"M5": {5 * time.Minute}, "5 minutes": {5 * time.Minute}, "00:05:00": {5 * time.Minute}, "0 days 00:05:00": {5 * time.Minute},
		"1H": {time.Hour}, "60m": {time.Hour}, "PT1H": {time.Hour}, "3600": {time.Hour}, "hourly": {time.Hour}, "0.5h": {30 * time.Minute},
		"1D": {day}, "P1D": {day}, "24h": {day}, "daily": {day}, "1440": {day}, "86400": {day},
		"60": {time.Minute, time.Hour}, // seconds or minutes
		"1M": nil, "7m": nil, "1w": nil, "": nil, "five": nil, "-5m": nil, "1e400m": nil,
	} {
		if got := Meant(text); !slices.Equal(got, want) {
			t.Errorf("%q stands for %v, want %v", text, got, want)
		}
	}
	if !Same("5min", "5m") || !Same("10m", "10m") || Same("5min", "15m") || Same("", "5m") {
		t.Error("spellings are compared wrongly")
	}
}
