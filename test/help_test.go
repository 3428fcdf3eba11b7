package test

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/streamforge/gnn-trainer/internal/config"
)

// say runs the program with words and without an environment.
func say(t *testing.T, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	needBinary(t)
	var out, err strings.Builder
	cmd := exec.CommandContext(t.Context(), binary, words...)
	cmd.Env, cmd.Stdout, cmd.Stderr = []string{}, &out, &err
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

// variableNames are those of the program's variables, aliases included.
func variableNames(t *testing.T) (names []string) {
	t.Helper()
	code, table, stderr := say(t, "env", "--json")
	var variables []config.Variable
	if err := json.Unmarshal([]byte(table), &variables); err != nil || code != 0 || len(variables) < 50 {
		t.Fatalf("exit code %d, %d variables: %v: %s", code, len(variables), err, stderr)
	}
	for _, v := range variables {
		names = append(append(names, v.Name), v.Aliases...)
	}
	return names
}

func TestHelpNamesWhatThereIsAndNothingElse(t *testing.T) {
	t.Parallel()
	variables := map[string]bool{"NAME": true, "TUNE_NAME": true} // it stands for any
	for _, name := range variableNames(t) {
		variables[name], variables["TUNE_"+name] = true, true
	}
	for _, words := range [][]string{{"help"}, {"--help"}, {"-h"}, {"train", "--help"}, {"help", "tune"}, {"tune", "-h"}, {"help", "record"}, {"record", "-h"}, {"help", "predict"}, {"predict", "--help"}, {"help", "doctor"}, {"doctor", "--help"}, {"help", "audit"}, {"audit", "-h"}, {"help", "env"}} {
		code, page, stderr := say(t, words...)
		if code != 0 || stderr != "" {
			t.Errorf("%v: exit code %d, %s", words, code, stderr)
		}
		for _, section := range []string{"NAME\n", "\nSYNOPSIS\n", "\nDESCRIPTION\n", "\nEXIT STATUS\n", "\nEXAMPLES\n", "\nSEE ALSO\n"} {
			if !strings.Contains(page, section) {
				t.Errorf("%v: no section %q", words, strings.TrimSpace(section))
			}
		}
		for _, name := range regexp.MustCompile(`[A-Z]+_[A-Z_]*[A-Z]\b`).FindAllString(page, -1) {
			if base := strings.TrimSuffix(name, "_FILE"); !variables[base] {
				t.Errorf("%v: %s is no variable", words, name)
			}
		}
		for line := range strings.Lines(page) {
			if len(line) > 81 {
				t.Errorf("%v: %q is longer than 80 columns", words, line)
			}
		}
	}
	_, page, _ := say(t, "help")
	_, record, _ := say(t, "help", "record")
	_, doctor, _ := say(t, "help", "doctor")
	if page == record || page == doctor || record == doctor {
		t.Error("record and doctor have no page of their own")
	}
}

func TestWordsThatAreNoCommandAreRefused(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{{"trian"}, {""}, {"train", "fast"}, {"record", "now"}, {"predict", "BTCUSDT"}, {"tune", "HIDDEN"}, {"tune", "--jsn"}, {"tune", "--json", "x"}, {"env", "EPOCHS"}, {"env", "--jsn"}, {"env", "--json", "x"}, {"doctor", "--jsn"}, {"doctor", "--json", "x"}, {"help", "me"}, {"help", "record", "doctor"}, {"--epochs", "3"}} {
		code, stdout, stderr := say(t, words...)
		if code != 2 || stdout != "" || !strings.Contains(stderr, "\nusage: gnn-trainer ") {
			t.Errorf("%q: exit code %d, %q, %q", words, code, stdout, stderr)
		}
	}
}

func TestAWordThatIsNearlyACommandIsToldWhichOne(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"halp": `unknown command "halp"; did you mean help?`, "trian": `unknown command "trian"; did you mean train?`, "Doctor": `unknown command "Doctor"; did you mean doctor?`,
		"recrod": `unknown command "recrod"; did you mean record?`, "environment": `unknown command "environment"`, "x": `unknown command "x"`, "": `unknown command ""`,
	} {
		if code, _, stderr := say(t, word); code != 2 || !strings.HasPrefix(stderr, want+"\n\nusage: ") {
			t.Errorf("%q: exit code %d, %q", word, code, stderr)
		}
	}
}
