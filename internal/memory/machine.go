package memory

import (
	"io/fs"
	"strconv"
	"strings"

	"github.com/streamforge/gnn-trainer/internal/cgroup"
)

// Machine is what memory there is, in bytes; 0: it is not known.
type Machine struct {
	Total     int64 // of the machine
	Available int64 // of it, what is free or can be freed
	Limit     int64 // of the container, or another control group; 0: none
}

// MachineOf reads it from root, which is that of the file system.
func MachineOf(root fs.FS) Machine {
	m := Machine{Limit: cgroup.Of(root).Memory}
	content, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			m.Total = kibibytes(fields[1])
		case "MemAvailable:":
			m.Available = kibibytes(fields[1])
		}
	}
	return m
}

func kibibytes(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// limited tells whether the container's limit is what the machine's memory is
// compared by.
func (m Machine) limited() bool { return m.Limit > 0 && (m.Total == 0 || m.Limit < m.Total) }

// Most is what cannot be exceeded, however much others free; 0: not known.
func (m Machine) Most() int64 {
	if m.limited() {
		return m.Limit
	}
	return m.Total
}

// Has is what there is now, and whose it is.
func (m Machine) Has() (bytes int64, whose string) {
	if m.limited() && (m.Available == 0 || m.Limit < m.Available) {
		return m.Limit, "are the container's limit"
	}
	return m.Available, "of this machine's memory are free"
}
