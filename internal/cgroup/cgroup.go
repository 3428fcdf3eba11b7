// Package cgroup tells what a container may use of its machine: the file system
// enters, limits leave. It changes nothing.
package cgroup

import (
	"io/fs"
	"math"
	"path"
	"strconv"
	"strings"
)

// Limits are what a container may use; 0: as much as the machine has.
type Limits struct {
	Memory int64   // bytes
	CPUs   float64 // processors' time in each unit of time

	Threads int64 // of all processes together
}

// Of reads the limits of this process's control groups, version 1 or 2, and of
// those around them, from root, which is that of the file system.
func Of(root fs.FS) Limits {
	var l Limits
	lines, _ := fs.ReadFile(root, "proc/self/cgroup") // without one there are no limits
	for line := range strings.Lines(string(lines)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		controllers, at := strings.Split(parts[1], ","), strings.TrimPrefix(path.Clean(parts[2]), "/")
		for _, c := range controllers {
			switch c {
			case "": // version 2
				upwards("sys/fs/cgroup", at, func(dir string) {
					l.limitMemory(number(root, path.Join(dir, "memory.max")))
					content, _ := fs.ReadFile(root, path.Join(dir, "cpu.max"))
					if quota, period, ok := strings.Cut(strings.TrimSpace(string(content)), " "); ok {
						l.limitCPUs(atoi(quota), atoi(period))
					}
					l.limitThreads(number(root, path.Join(dir, "pids.max")))
				})
			case "memory":
				upwards("sys/fs/cgroup/memory", at, func(dir string) { l.limitMemory(number(root, path.Join(dir, "memory.limit_in_bytes"))) })
			case "pids":
				upwards("sys/fs/cgroup/pids", at, func(dir string) { l.limitThreads(number(root, path.Join(dir, "pids.max"))) })
			case "cpu":
				upwards("sys/fs/cgroup/cpu", at, func(dir string) {
					l.limitCPUs(number(root, path.Join(dir, "cpu.cfs_quota_us")), number(root, path.Join(dir, "cpu.cfs_period_us")))
				})
			}
		}
	}
	return l
}

// upwards calls do for the group at a path and for those it lies in. In a
// container the path may be one of the machine's, which is not to be seen.
func upwards(top, at string, do func(dir string)) {
	for {
		do(path.Join(top, at))
		if at == "" || at == "." {
			return
		}
		if at = path.Dir(at); at == "." || at == "/" {
			at = ""
		}
	}
}

// unlimited is what version 1 says for no limit, or more.
const unlimited = math.MaxInt64 / 4096 * 4096 / 2

func (l *Limits) limitMemory(bytes int64) {
	if bytes > 0 && bytes < unlimited && (l.Memory == 0 || bytes < l.Memory) {
		l.Memory = bytes
	}
}

func (l *Limits) limitThreads(n int64) {
	if n > 0 && (l.Threads == 0 || n < l.Threads) {
		l.Threads = n
	}
}

func (l *Limits) limitCPUs(quota, period int64) {
	if quota > 0 && period > 0 {
		if cpus := float64(quota) / float64(period); l.CPUs == 0 || cpus < l.CPUs {
			l.CPUs = cpus
		}
	}
}

// number is the one in a file; 0: none, such as "max".
func number(root fs.FS, name string) int64 {
	content, _ := fs.ReadFile(root, name)
	return atoi(string(content))
}

func atoi(text string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
