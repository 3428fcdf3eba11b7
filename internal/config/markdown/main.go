// Command markdown prints the table of variables as docs/variables.md holds it,
// between its markers. It needs no native library, so test/variables-table.sh
// can compare the two on any machine with Go.
package main

import (
	"fmt"
	"os"

	"github.com/streamforge/gnn-trainer/internal/config"
)

func main() {
	if err := config.WriteMarkdown(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
