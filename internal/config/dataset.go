package config

import (
	"errors"
	"strconv"
	"strings"
)

// Output is what of a run is kept beside the model.
type Output struct {
	Dataset Dataset `env:"DATASET"`
}

// The values of DATASET; that of newest has a number behind it, newest:1000.
const (
	DatasetAll    = "all"
	DatasetNewest = "newest"
	DatasetTest   = "test"
	DatasetNone   = "none"
)

// Dataset is which snapshots dataset.pt holds. The zero value is the default: all,
// or the newest, as far as the file stays small.
type Dataset struct {
	Which  string
	Newest int // snapshots, of DatasetNewest
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Dataset) UnmarshalText(text []byte) error {
	which := string(text)
	if count, newest := strings.CutPrefix(which, DatasetNewest+":"); newest {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return errors.New("newest: is not followed by a whole number from 1")
		}
		*d = Dataset{DatasetNewest, n}
		return nil
	}
	if which != DatasetAll && which != DatasetTest && which != DatasetNone {
		return errors.New("it names no snapshots")
	}
	*d = Dataset{Which: which}
	return nil
}

// String is the inverse of UnmarshalText; of the default it is empty.
func (d Dataset) String() string {
	if d.Which == DatasetNewest {
		return DatasetNewest + ":" + strconv.Itoa(d.Newest)
	}
	return d.Which
}
