package libtorch

import (
	"os"
	"path/filepath"
	"testing"
)

func TestALimitOfOneCPUIsKnownFromEitherCgroup(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"none":              {nil, false},
		"v2, no limit":      {map[string]string{"cpu.max": "max 100000\n"}, false},
		"v2, half a CPU":    {map[string]string{"cpu.max": "50000 100000\n"}, true},
		"v2, one CPU":       {map[string]string{"cpu.max": "100000 100000\n"}, true},
		"v2, one and a bit": {map[string]string{"cpu.max": "110000 100000\n"}, false},
		"v2, no numbers":    {map[string]string{"cpu.max": "a b\n"}, false},
		"v1, no limit":      {map[string]string{"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, false},
		"v1, one CPU":       {map[string]string{"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, true},
		"v1, two CPUs":      {map[string]string{"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, false},
		"v1, no period":     {map[string]string{"cpu/cpu.cfs_quota_us": "200000\n"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, text := range test.files {
				path := filepath.Join(root, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got := atMostOneCPU(root); got != test.want {
				t.Errorf("one CPU: %v", got)
			}
		})
	}
}
