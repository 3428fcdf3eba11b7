package memory

import "fmt"

// Level is how what a run needs compares with what there is.
type Level int

// The levels. More than four fifths of what there is now is scarce: the estimate
// may be off by a third. More than there can be is too much.
const (
	Fits Level = iota
	Scarce
	TooMuch
)

// Judge compares what a run needs, of a size that of describes, with a machine's
// memory.
func Judge(need int64, of string, m Machine) (Level, string) {
	has, whose := m.Has()
	there := fmt.Sprintf("%s %s", Text(has), whose)
	most := m.Most()
	if most > 0 && need > most && has < most {
		there += fmt.Sprintf(", of %s", Text(most))
	}
	return level(need, has, most), fmt.Sprintf("the run needs about %s of memory (%s), and %s", Text(need), of, there)
}

// JudgeDevice is Judge for a GPU's memory.
func JudgeDevice(need int64, of, device string, total int64) (Level, string) {
	return level(need, total, total), fmt.Sprintf("the run needs about %s of the memory of %s (%s), which has %s", Text(need), device, of, Text(total))
}

func level(need, has, most int64) Level {
	switch {
	case most > 0 && need > most:
		return TooMuch
	case has > 0 && need > has/10*8:
		return Scarce
	}
	return Fits
}

// Text writes a size for people.
func Text(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20)
}
