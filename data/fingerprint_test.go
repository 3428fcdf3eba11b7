package data

import "testing"

func TestAFingerprintTellsEveryChangeAndNothingElse(t *testing.T) {
	build := func(change func(*Market, *Config)) string {
		m, cfg := randomMarket(newRand(3), 10, 400), defaultConfig()
		if change != nil {
			change(m, &cfg)
		}
		return mustBuild(t, m, cfg).Fingerprint()
	}
	want := build(nil)
	if again := build(nil); again != want {
		t.Error("one dataset, two fingerprints")
	}
	seen := map[string]string{want: "nothing"}
	for name, change := range map[string]func(*Market, *Config){
		"one volume": func(m *Market, _ *Config) { m.Volume[1][m.Bars-2]++ },
		"a name":     func(m *Market, _ *Config) { m.Symbols[0] = "ELSE" },
		"the start":  func(m *Market, _ *Config) { m.Start += m.Interval.Milliseconds() },
		"horizon":    func(_ *Market, c *Config) { c.Horizons = Horizons{2} },
		"neighbours": func(_ *Market, c *Config) { c.EdgeTopK = 1 },
		"the splits": func(_ *Market, c *Config) { c.TrainFraction -= 0.1 },
	} {
		got := build(change)
		if other, twice := seen[got]; twice {
			t.Errorf("%s gives the fingerprint of %s", name, other)
		}
		seen[got] = name
	}
}
