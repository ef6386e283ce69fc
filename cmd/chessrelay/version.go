package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/web"
)

// newVersionCommand is `chessrelay version`, which prints what --version prints.
func newVersionCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Prints the version of this program, its commit and the version of Go",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if _, err := fmt.Fprintln(env.stdout, web.ThisBuild()); err != nil {
				return fmt.Errorf("print the version: %w", err)
			}
			return nil
		},
	}
}
