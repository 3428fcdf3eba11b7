package cgroup

import (
	"testing"
	"testing/fstest"
)

func TestTheLimitsOfControlGroupsAreFound(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for name, c := range map[string]struct {
		root fstest.MapFS
		want Limits
	}{
		"none": {fstest.MapFS{"proc/self/cgroup": file("0::/\n")}, Limits{}},
		"version 2 in a container": {fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("2147483648\n"), "sys/fs/cgroup/cpu.max": file("150000 100000\n"),
		}, Limits{Memory: 2 << 30, CPUs: 1.5}},
		"version 2 without limits": {fstest.MapFS{
			"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n"), "sys/fs/cgroup/cpu.max": file("max 100000\n"),
		}, Limits{}},
		"version 2, the limit of the group around it": {fstest.MapFS{
			"proc/self/cgroup": file("0::/kubepods/pod1/c1\n"), "sys/fs/cgroup/kubepods/pod1/memory.max": file("1073741824\n"),
			"sys/fs/cgroup/kubepods/pod1/c1/memory.max": file("max\n"), "sys/fs/cgroup/kubepods/pod1/c1/cpu.max": file("400000 100000\n"),
		}, Limits{Memory: 1 << 30, CPUs: 4}},
		"version 1": {fstest.MapFS{
			"proc/self/cgroup":                                    file("4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/x\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":          file("9223372036854771712\n"),
			"sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": file("3221225472\n"),
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":                  file("50000\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("100000\n"),
		}, Limits{Memory: 3 << 30, CPUs: 0.5}},
		"version 1 without limits": {fstest.MapFS{
			"proc/self/cgroup": file("4:memory:/\n3:cpu:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("-1\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("100000\n"),
		}, Limits{}},
		"version 1, half a CPU for a group below": {fstest.MapFS{
			"proc/self/cgroup": file("3:cpu:/a/b\n"), "sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us": file("50000\n"), "sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us": file("100000\n"),
		}, Limits{CPUs: 0.5}},
		"version 2, less around it": {fstest.MapFS{
			"proc/self/cgroup": file("0::/pod/c1\n"), "sys/fs/cgroup/pod/memory.max": file("1073741824\n"), "sys/fs/cgroup/pod/cpu.max": file("100000 100000\n"),
			"sys/fs/cgroup/pod/c1/memory.max": file("2147483648\n"), "sys/fs/cgroup/pod/c1/cpu.max": file("400000 100000\n"),
		}, Limits{Memory: 1 << 30, CPUs: 1}},
		"version 2, more around it": {fstest.MapFS{
			"proc/self/cgroup": file("0::/pod/c1\n"), "sys/fs/cgroup/pod/memory.max": file("2147483648\n"), "sys/fs/cgroup/pod/cpu.max": file("400000 100000\n"),
			"sys/fs/cgroup/pod/c1/memory.max": file("1073741824\n"), "sys/fs/cgroup/pod/c1/cpu.max": file("100000 100000\n"),
		}, Limits{Memory: 1 << 30, CPUs: 1}},
		"version 2, a pod that may start 100 threads": {fstest.MapFS{
			"proc/self/cgroup": file("0::/pod/c1\n"), "sys/fs/cgroup/pod/pids.max": file("100\n"), "sys/fs/cgroup/pod/c1/pids.max": file("max\n"),
		}, Limits{Threads: 100}},
		"version 1, a container that may start 50 threads": {fstest.MapFS{
			"proc/self/cgroup": file("8:pids:/docker/1\n"), "sys/fs/cgroup/pids/docker/1/pids.max": file("50\n"),
		}, Limits{Threads: 50}},
		"no numbers": {fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/cpu.max": file("a b\n"), "sys/fs/cgroup/memory.max": file("lots\n")}, Limits{}},
		"no period":  {fstest.MapFS{"proc/self/cgroup": file("3:cpu:/\n"), "sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("200000\n")}, Limits{}},
		"no groups":  {fstest.MapFS{}, Limits{}},
	} {
		if got := Of(c.root); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
