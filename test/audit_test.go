package test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inspect runs the program's audit.
func inspect(t *testing.T, vars map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	needBinary(t)
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"audit"}, args...)...)
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, told strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &told
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), told.String()
}

// leakyFolder has 600 bars of 4 symbols with a column that is the next close.
func leakyFolder(t *testing.T) string {
	dir := t.TempDir()
	for i, symbol := range []string{"AAA", "BBB", "CCC", "DDD"} {
		random, prices := rand.New(rand.NewPCG(1, uint64(i))), []float64{100}
		for range 602 {
			prices = append(prices, prices[len(prices)-1]*math.Exp(0.002*random.NormFloat64()))
		}
		var b strings.Builder
		fmt.Fprintln(&b, "open_time,open,high,low,close,volume,signal")
		for t := range 600 {
			o, c := prices[t], prices[t+1]
			fmt.Fprintf(&b, "%d,%v,%v,%v,%v,%v,%v\n", 1717200000000+int64(t)*300000, o, max(o, c)*1.001, min(o, c)*0.999, c, 10+t*t%13, prices[t+2])
		}
		if err := os.WriteFile(filepath.Join(dir, symbol+".csv"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnAuditEndsWithWhatItFound(t *testing.T) {
	t.Parallel()
	leaky := map[string]string{"DATA_SOURCE": "files", "DATA_DIR": leakyFolder(t), "FEATURES": "streamforge,signal"}
	for _, test := range []struct {
		name string
		vars map[string]string
		code int
		told string // on stderr
	}{
		{"a clean market, without the ids of a run", map[string]string{"DATA_SOURCE": "simulated", "SYMBOL": "BTCUSDT", "SYMBOLS": "top:5", "LOOKBACK": "5d"}, 0, ""},
		{"a column that is early", leaky, 3, ""},
		{"a column that there is not", map[string]string{"DATA_SOURCE": "files", "DATA_DIR": leaky["DATA_DIR"], "FEATURES": "signl"}, 2, "set signal in its place"},
		{"no symbol", map[string]string{"DATA_SOURCE": "simulated"}, 2, "SYMBOL is not set"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, stdout, stderr := inspect(t, test.vars, "--json")
			if code != test.code || !strings.Contains(stderr, test.told) {
				t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
			}
			if test.code == 2 {
				return
			}
			var report struct {
				Version  string
				Findings []struct{ Check, Column, Remedy string }
				Checks   []struct{ Name, Status string }
			}
			if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Findings == nil || len(report.Checks) != 8 || report.Version == "" {
				t.Fatalf("%v: %s", err, stdout)
			}
			if found := len(report.Findings) > 0; found != (test.code == 3) {
				t.Errorf("%s", stdout)
			}
			for _, f := range report.Findings {
				if f.Column != "signal" || f.Remedy == "" {
					t.Errorf("%+v", f)
				}
			}
		})
	}
	code, stdout, _ := inspect(t, leaky)
	if code != 3 || !strings.Contains(stdout, "1. columns: signal\n") || !strings.Contains(stdout, "remedy  shift signal forward by 1 bar\n") {
		t.Errorf("exit code %d: %s", code, stdout)
	}
}
