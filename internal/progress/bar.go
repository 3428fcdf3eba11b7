package progress

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

const (
	frame      = 10   // percent, borders and spaces around a bar
	resolution = 1000 // steps an epoch: batches move the bar too
)

// barColumns is the width of the bar itself: a line is mostly for the numbers.
func barColumns(columns int) int {
	if columns < 70 {
		return 5
	}
	return 10
}

// bar renders the line that stands now, in at most so many columns; when is the
// time left, or how the training ended. What does not fit is left out from the
// end.
func (d *Display) bar(when string, columns int) string {
	steps, total := int64(math.Round(d.position*resolution)), int64(max(d.epochs, 1)*resolution)
	return render(steps, total, d.describe(when, beside(columns)), columns)
}

// beside is how many columns of a line are left beside its bar.
func beside(columns int) int { return columns - barColumns(columns) - frame }

// render is a bar with what stands beside it, in at most so many columns.
func render(done, total int64, description string, columns int) string {
	// A new bar for each picture, since the library's own keeps a clock and
	// would draw when it sees fit; here it only does the drawing.
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSetWidth(barColumns(columns)),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetDescription(description),
	)
	// Neither fails: the steps are within the total, and nothing is written.
	_ = bar.Set64(min(max(done, 0), total))
	_ = bar.RenderBlank()
	return cut(strings.TrimRight(strings.TrimPrefix(bar.String(), "\r"), " "), columns)
}

// describe says where training is, in at most room columns, the most wanted
// first.
func (d *Display) describe(when string, room int) string {
	done := fmt.Sprintf("%s %d/%d", d.title, max(d.last.number, d.resumed), d.epochs)
	values := []string{done, when}
	if d.last.number > 0 {
		values = append(values, measured("loss", d.last.loss))
		if m := d.last.metric; m.name != "" {
			values = append(values, measured("valid "+m.name, m.value))
		}
		values = append(values, measured("valid auc", d.last.validAUC))
	}
	if d.best > 0 {
		values = append(values, fmt.Sprintf("best %d", d.best))
	}
	if d.last.number > 0 {
		values = append(values, measured("valid loss", d.last.validLoss))
	}
	return fit(room, values...)
}

// fit joins as many values as fit in room columns, the first in any case.
func fit(room int, values ...string) string {
	text := ""
	for _, value := range values {
		if value == "" {
			continue
		}
		longer := strings.TrimPrefix(text+"  "+value, "  ")
		if text != "" && utf8.RuneCountInString(longer) > room {
			break
		}
		text = longer
	}
	return text
}

func measured(name string, v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf("%s %.4g", name, v)
}
