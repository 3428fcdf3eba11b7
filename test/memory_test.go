package test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The estimate that a run logs is compared with the most memory that the system
// saw it take. internal/memory has the same for larger runs, measured once.
func TestTheEstimateIsNearWhatARunTakes(t *testing.T) {
	if strings.Contains(plainBinary, "/race/") {
		t.Skip("the race detector takes memory of its own")
	}
	for name, set := range map[string]map[string]string{
		"gcn":                 {"HIDDEN": "512", "BATCH_SIZE": "256"},
		"gatv2":               {"HIDDEN": "256", "BATCH_SIZE": "256", "MODEL_TYPE": "gatv2"},
		"sage":                {"HIDDEN": "512", "BATCH_SIZE": "256", "MODEL_TYPE": "sage"},
		"gcn, many rows":      {"SYMBOLS": "top:40", "LOOKBACK": "10d"},
		"gcn, many weights":   {"HIDDEN": "2048", "LAYERS": "2"},
		"gcn, no baseline":    {"BASELINE": "none", "HIDDEN": "512", "BATCH_SIZE": "256"},
		"a mixer of windows":  {"MODEL_TYPE": "none", "ENCODER": "mixer", "HIDDEN": "32", "BATCH_SIZE": "256", "BASELINE": "none"},
		"gcn, three horizons": {"SYMBOLS": "top:40", "LOOKBACK": "10d", "HORIZON": "1,3,12"},
	} {
		t.Run(name, func(t *testing.T) {
			set["EPOCHS"], set["EVENTS"], set["LOG_FORMAT"] = "1", "none", "json"
			if set["LOOKBACK"] == "" {
				set["LOOKBACK"] = "3d"
			}
			vars, _ := environment(t, set)
			cmd := exec.CommandContext(t.Context(), plainBinary)
			for name, value := range vars {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			log, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, log)
			}
			var estimated int64
			for line := range strings.Lines(string(log)) {
				var l struct {
					Message string
					Bytes   int64
				}
				if json.Unmarshal([]byte(line), &l) == nil && l.Message == "memory estimated" {
					estimated = l.Bytes
				}
			}
			usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
			if !ok {
				t.Fatal("the system does not tell what a process took")
			}
			if taken := usage.Maxrss << 10; estimated < taken*7/10 || estimated > taken*13/10 {
				t.Errorf("%d MiB were estimated, and %d taken", estimated>>20, taken>>20)
			} else {
				t.Logf("%d MiB were estimated, and %d taken", estimated>>20, taken>>20)
			}
		})
	}
}
