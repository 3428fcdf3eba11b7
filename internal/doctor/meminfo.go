package doctor

import (
	"io/fs"
	"strconv"
	"strings"
)

// memoryOfMachine is what the machine has, and what of it is free or can be
// freed, in bytes.
func memoryOfMachine(root fs.FS) (total, available int64) {
	content, _ := fs.ReadFile(root, "proc/meminfo")
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "MemTotal:":
			total = kibibytes(fields[1])
		case "MemAvailable:":
			available = kibibytes(fields[1])
		}
	}
	return total, available
}

func kibibytes(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
