package main

import (
	_ "embed"
	"fmt"
	"io"

	"github.com/chessrelay/chessrelay/web"
	"github.com/spf13/cobra"
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

// notices is the licenses of everything that is linked into the binary or shipped with it. `make
// licenses` writes it. TestLicenses compares it with what is linked.
//
//go:embed licenses.txt
var notices string

// newLicensesCommand is `chessrelay licenses`. It prints whose work is in this program, and on
// which terms.
func newLicensesCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "Prints the licenses of this program and of all that is linked into it",
		Args:  exactArgs(),
		RunE: func(*cobra.Command, []string) error {
			if _, err := io.WriteString(env.stdout, notices); err != nil {
				return fmt.Errorf("print the licenses: %w", err)
			}
			return nil
		},
	}
}
