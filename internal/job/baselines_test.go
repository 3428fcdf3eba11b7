package job

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/config"
	"github.com/streamforge/gnn-trainer/internal/fault"
)

func TestLightGBMThatIsMissingIsAFaultOnlyWhereItWasAskedFor(t *testing.T) {
	no := filepath.Join(t.TempDir(), "lib_lightgbm.so")
	both := config.Baselines{"ridge", "lightgbm"}
	for _, c := range []struct {
		name  string
		set   config.Train
		where string // of the fault; empty: there is none
		opens bool
	}{
		{"found", config.Train{Baselines: both, BaselinesGiven: true, LightGBM: os.Getenv("LIGHTGBM_LIB")}, "", true},
		{"not asked for", config.Train{Baselines: config.Baselines{"ridge"}, BaselinesGiven: true, LightGBM: no}, "", false},
		{"a file that is none", config.Train{Baselines: both, LightGBM: no}, "LIGHTGBM_LIB", false},
	} {
		l, err := OpenLightGBM(c.set, func(why error) { t.Errorf("%s: %v", c.name, why) })
		if c.opens != (l != nil) || (err != nil) != (c.where != "") {
			t.Errorf("%s: %v, %v", c.name, l, err)
		}
		if f := fault.Of(err); c.where != "" && (f.Where != c.where || f.Remedy == "" || !errors.Is(err, fault.ErrInput)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The dynamic linker reads its path at the start, so a process of its own runs
// with the other libraries alone.
func TestTheDefaultBaselinesDoWithoutLightGBM(t *testing.T) {
	if os.Getenv("GNN_TEST_CHILD") == "" {
		dir := t.TempDir()
		path := []string{dir}
		for _, libraries := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
			if _, err := os.Stat(filepath.Join(libraries, "lib_lightgbm.so")); err != nil {
				path = append(path, libraries)
				continue
			}
			for _, name := range []string{"libgnn.so", "libcgotorch.so"} {
				if err := os.Symlink(filepath.Join(libraries, name), filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
		cmd.Env = append(os.Environ(), "GNN_TEST_CHILD=1", "LD_LIBRARY_PATH="+strings.Join(path, ":"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	both, why := config.Baselines{"ridge", "lightgbm"}, error(nil)
	l, err := OpenLightGBM(config.Train{Baselines: both}, func(missing error) { why = missing })
	if l != nil || err != nil || why == nil {
		t.Errorf("by default: %v, %v, %v", l, err, why)
	}
	_, err = OpenLightGBM(config.Train{Baselines: both, BaselinesGiven: true}, func(error) {})
	if f := fault.Of(err); err == nil || f.Where != "BASELINES" || !strings.Contains(f.Remedy, "leave lightgbm out of BASELINES") {
		t.Errorf("by name: %v", err)
	}
}
