// Command table prints the table of variables for programs that have no binary
// at hand: as Markdown, which docs/variables.md holds, or with --json as
// `gnn-trainer env --json` does. It needs no native library.
package main

import (
	"fmt"
	"os"

	"github.com/streamforge/gnn-trainer/internal/config"
)

func main() {
	write := config.WriteMarkdown
	if len(os.Args) == 2 && os.Args[1] == "--json" {
		write = config.WriteJSON
	}
	if err := write(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
