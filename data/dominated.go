package data

import (
	"fmt"
	"math"
	"slices"
)

const (
	// A feature is dominated where its deviation is so many times the median
	// distance of its values from their median (0.67 deviations of a normal
	// distribution). Normalised, half of its nodes are then within 0.01 of each other.
	dominatedRatio = 100

	// sampledRows bound the sorting; the deviation is that of all rows.
	sampledRows = 4096
)

// dominatedFeatures is a warning of the features whose scale a few values decide,
// such as 1e9 in the place of what is not known; empty: there are none. The
// features of a market are clipped, those of a prepared graph are not.
func (d *Dataset) dominatedFeatures() string {
	f := d.NumFeatures()
	var rows []int
	for at, present := range d.mask {
		if present {
			rows = append(rows, at)
		}
	}
	if len(rows) == 0 {
		return ""
	}
	deviations, farthest := d.deviations(rows)
	step := (len(rows) + sampledRows - 1) / sampledRows
	var names []string
	var example string
	var sample []float64
	for j := range f {
		sample = sample[:0]
		for k := 0; k < len(rows); k += step {
			sample = append(sample, float64(d.x[rows[k]*f+j]))
		}
		if usual := usualDistance(sample); usual == 0 || deviations[j] <= dominatedRatio*usual {
			continue
		}
		if names == nil {
			at := farthest[j]
			example = fmt.Sprintf("%.3g of %.40s", d.x[at*f+j], d.Symbols[at%len(d.Symbols)])
		}
		names = append(names, d.Features[j])
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("a few values such as %s decide the scale of %s: normalised, nearly all nodes look the same there; correct those values, or save the features clipped or as logarithms", example, firstFew(names))
}

// deviations are the population deviation of each feature, and the row of the
// value farthest from the mean.
func (d *Dataset) deviations(rows []int) (deviations []float64, farthest []int) {
	f := d.NumFeatures()
	mean, most := make([]float64, f), make([]float64, f)
	deviations, farthest = make([]float64, f), make([]int, f)
	for _, at := range rows {
		for j, v := range row(d.x, at, f) {
			mean[j] += float64(v) / float64(len(rows))
		}
	}
	for _, at := range rows {
		for j, v := range row(d.x, at, f) {
			distance := math.Abs(float64(v) - mean[j])
			if distance > most[j] {
				most[j], farthest[j] = distance, at
			}
			deviations[j] += distance * distance / float64(len(rows))
		}
	}
	for j, variance := range deviations {
		deviations[j] = math.Sqrt(variance)
	}
	return deviations, farthest
}

// usualDistance is the median distance of the values from their median, without
// those that equal it: many features are 0 at most nodes. It sorts values.
func usualDistance(values []float64) float64 {
	slices.Sort(values)
	median := values[len(values)/2]
	var distances []float64
	for _, v := range values {
		if v != median {
			distances = append(distances, math.Abs(v-median))
		}
	}
	if distances == nil {
		return 0
	}
	slices.Sort(distances)
	return distances[len(distances)/2]
}
