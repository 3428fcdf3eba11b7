package job

import "testing"

// DecideByRankIC has the rank IC decide the best epoch of another task, for one test.
func DecideByRankIC(t *testing.T, task string) {
	t.Helper()
	criteria[task] = criteria["rank"]
	t.Cleanup(func() { delete(criteria, task) })
}
