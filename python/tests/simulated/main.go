// Command simulated DIR writes the candles of the simulated market that the
// environment describes (SYMBOL, SYMBOLS, INTERVAL, LOOKBACK, SEED), one
// SYMBOL.csv a symbol: the program trains on it without ever writing it down.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/caarlos0/env/v11"

	"github.com/streamforge/gnn-trainer/data"
	"github.com/streamforge/gnn-trainer/data/source"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: simulated DIR")
	}
	var cfg source.Config
	if err := env.Parse(&cfg); err != nil {
		log.Fatal(err)
	}
	cfg.Source = source.Simulated
	m, _, err := source.Load(context.Background(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	for i, symbol := range m.Symbols {
		if err := write(filepath.Join(os.Args[1], symbol+".csv"), m, i); err != nil {
			log.Fatal(err)
		}
	}
}

// write writes the bars that symbol i has, values in as many digits as give
// the same bits again.
func write(path string, m *data.Market, i int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	w := bufio.NewWriter(file)
	fmt.Fprint(w, "open_time,open,high,low,close,volume")
	series := [][]float64{m.Open[i], m.High[i], m.Low[i], m.Close[i], m.Volume[i]}
	for _, column := range data.Columns {
		fmt.Fprint(w, ",", column)
		series = append(series, m.Optional[column][i])
	}
	fmt.Fprintln(w)
	for t := range m.Bars {
		if !m.Present(i, t) {
			continue
		}
		fmt.Fprint(w, m.OpenTime(t))
		for _, values := range series {
			w.WriteByte(',')
			if v := values[t]; !math.IsNaN(v) {
				w.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
			}
		}
		w.WriteByte('\n')
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return file.Close()
}
