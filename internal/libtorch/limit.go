package libtorch

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// atMostOneCPU tells whether the cgroup below root (/sys/fs/cgroup in a
// container, of either version) limits this process to one CPU or less. Go
// knows the limit too, but keeps two of GOMAXPROCS for its own sake; there a
// second thread of libtorch only takes its time from the first.
func atMostOneCPU(root string) bool {
	read := func(name string) []string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return nil
		}
		return strings.Fields(string(text))
	}
	fields := read("cpu.max") // quota, or max, and period
	if fields == nil {
		fields = append(read("cpu/cpu.cfs_quota_us"), read("cpu/cpu.cfs_period_us")...)
	}
	if len(fields) != 2 {
		return false
	}
	quota, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || quota <= 0 {
		return false
	}
	period, err := strconv.ParseInt(fields[1], 10, 64)
	return err == nil && quota <= period
}
