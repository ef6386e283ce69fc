package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/chessrelay/chessrelay/client"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/logqueue"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/web"
)

// The exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// environment is what a command may touch of the world around the process. A test can take that
// world's place.
type environment struct {
	stdin  io.Reader
	stdout io.Writer // results
	stderr io.Writer // logs, and the one line that says what went wrong
	getenv func(string) string

	// logs is the queue in front of stderr; nil: stderr is written to at once.
	logs *logqueue.Queue

	// log is set from --log-format and --log-level before a command runs.
	log *slog.Logger
	// roots are the CAs of --tls-ca and the system's; nil: the system's alone.
	roots *x509.CertPool
}

// client returns a client that trusts the CAs of --tls-ca. The caller closes it.
func (env *environment) client(nodes []string, opts client.Options) *client.Client {
	opts.Roots, opts.Log = env.roots, cmp.Or(opts.Log, env.log)
	return client.New(nodes, opts)
}

// usageError is a mistake of the user on the command line: exit 2.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// run runs the command that args name and returns the exit code. Everything that it prints is
// cleaned: some of it comes from servers.
func run(ctx context.Context, env *environment, args []string) int {
	env.stdout, env.stderr = terminal.NewCleanWriter(env.stdout), terminal.NewCleanWriter(env.stderr)
	root := newRootCommand(env)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintf(env.stderr, "%s: %v (see `%[1]s --help`)\n", cmd.CommandPath(), usage)
		return exitUsage
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintf(env.stderr, "%s: %v\n", cmd.CommandPath(), err)
	return exitFailed
}

// newRootCommand builds the tree of commands. A function for each command takes the environment. It
// keeps the values of the flags in local variables, and does its work in RunE with cmd.Context().
func newRootCommand(env *environment) *cobra.Command {
	var logFormat, logLevel, ca string
	root := &cobra.Command{
		Use:           "chessrelay",
		Short:         "Relays chess games live, from one recorder to many venues",
		Version:       web.ThisBuild().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := setFromEnvironment(cmd.Flags(), env.getenv); err != nil {
				return err
			}
			log, err := newLogger(env, logFormat, logLevel)
			env.log = log
			if err != nil {
				return err
			}
			env.roots, err = readCA(ca)
			return err
		},
	}
	root.SetIn(env.stdin)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetUsageTemplate(root.UsageTemplate() + environmentHelp)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usagef("%v", err) })
	root.PersistentFlags().StringVar(&logFormat, "log-format", "text", "write logs as `text|json`")
	root.PersistentFlags().StringVar(&logLevel, "log-level", "info", "log from this level up: `debug|info|warn|error`")

	root.PersistentFlags().StringVar(&ca, "tls-ca", "", "trust the CAs in `FILE`, in PEM, besides those of the system")

	root.AddCommand(
		newDemoCommand(env),
		newServeCommand(env),
		newFeedCommand(env),
		newWatchCommand(env),
		newStatusCommand(env),
		newVenueCommand(env), newEdgeCommand(env), newTokenCommand(env), newLinkCommand(env),
		newVerifyCommand(env),
		newBenchCommand(env),
		newLicensesCommand(env),
		newVersionCommand(env),
	)
	sayFlagsOnce(root)
	return root
}

// sayFlagsOnce keeps cobra from adding "[flags]" to lines that name the flags already.
func sayFlagsOnce(cmd *cobra.Command) {
	cmd.DisableFlagsInUseLine = true
	for _, sub := range cmd.Commands() {
		sayFlagsOnce(sub)
	}
}

func newLogger(env *environment, format, level string) (*slog.Logger, error) {
	var opts slog.HandlerOptions
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usagef("--log-level must be debug, info, warn or error, not %q", level)
	}
	opts.Level = l
	var handler slog.Handler
	switch format {
	case "text":
		handler = slog.NewTextHandler(env.stderr, &opts)
	case "json":
		handler = slog.NewJSONHandler(env.stderr, &opts)
	default:
		return nil, usagef("--log-format must be text or json, not %q", format)
	}
	log := slog.New(handler)
	if env.logs != nil {
		tell := func(lines uint64) {
			log.Error("log lines before this one were dropped: the reader of this log was too slow", "lines", lines)
		}
		env.logs.SetNotice(tell)
	}
	return log, nil
}
