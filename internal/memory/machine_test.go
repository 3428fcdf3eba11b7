package memory

import (
	"testing"
	"testing/fstest"
)

func TestTheMemoryOfTheMachineAndItsContainerIsRead(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	meminfo := file("MemTotal:  4096 kB\nMemFree: 1 kB\nMemAvailable:    2048 kB\n")
	for name, c := range map[string]struct {
		root      fstest.MapFS
		most, has int64
		whose     string
	}{
		"a machine":               {fstest.MapFS{"proc/meminfo": meminfo}, 4 << 20, 2 << 20, "of this machine's memory are free"},
		"a container":             {fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("1048576\n")}, 1 << 20, 1 << 20, "are the container's limit"},
		"a limit that is not":     {fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("8388608\n")}, 4 << 20, 2 << 20, "of this machine's memory are free"},
		"a limit beyond the free": {fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("3145728\n")}, 3 << 20, 2 << 20, "of this machine's memory are free"},
		"version 1":               {fstest.MapFS{"proc/meminfo": meminfo, "proc/self/cgroup": file("4:memory:/docker/1\n"), "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": file("524288\n")}, 1 << 19, 1 << 19, "are the container's limit"},
	} {
		m := MachineOf(c.root)
		if has, whose := m.Has(); m.Most() != c.most || has != c.has || whose != c.whose {
			t.Errorf("%s: at most %d, %d %s", name, m.Most(), has, whose)
		}
	}
	if m := MachineOf(fstest.MapFS{}); m.Most() != 0 {
		t.Errorf("nothing is known, and it is %+v", m)
	}
}
