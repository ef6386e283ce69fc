package main

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// environmentHelp ends every command's --help.
const environmentHelp = `
Every flag can also be set by an environment variable: --log-level is CHESSRELAY_LOG_LEVEL.
A flag on the command line takes precedence.
`

const environmentPrefix = "CHESSRELAY_"

// fromEnvironment marks a flag that a variable has set.
const fromEnvironment = "environment"

// environmentName is the name of the variable that sets a flag.
func environmentName(flag string) string {
	return environmentPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// setFromEnvironment sets every flag that is missing on the command line from its environment
// variable. An empty variable counts as unset, since compose files and unit files write those.
func setFromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	var first error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || f.Name == "help" || f.Name == "version" {
			return
		}
		name := environmentName(f.Name)
		value := getenv(name)
		if value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil && first == nil {
			first = usagef("the environment variable %s: %v", name, err)
		}
		f.Annotations = map[string][]string{fromEnvironment: {name}}
	})
	return first
}

// needFlags refuses a command line on which one of these flags is missing.
func needFlags(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		if f := cmd.Flags().Lookup(name); f.Value.String() == "" {
			_, usage := pflag.UnquoteUsage(f)
			return usagef("--%s is missing: %s", name, usage)
		}
	}
	return nil
}

// excludeFlags refuses a command line on which more than one of these flags is set.
func excludeFlags(cmd *cobra.Command, names ...string) error {
	given := ""
	for _, name := range names {
		switch f := cmd.Flags().Lookup(name); {
		case !f.Changed || f.Value.String() == "false":
		case given != "":
			return usagef("--%s and --%s cannot be used together", given, name)
		default:
			given = name
		}
	}
	return nil
}

// exactArgs wants one argument for each of names. Its error lists the names.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing", names[len(args)])
		case len(args) > len(names):
			return usagef("there is one argument too many: %q", args[len(names)])
		}
		return nil
	}
}

// parseNodes reads a comma-separated list of nodes' base URLs. A node may also be given as
// host:port.
func parseNodes(list string) ([]string, error) {
	var nodes []string
	for _, s := range strings.Split(list, ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		node, err := parseNode(s)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	if len(nodes) == 0 {
		return nil, usagef("the URL of a node is missing, such as http://127.0.0.1:8080")
	}
	return nodes, nil
}

// parseNode reads one node's base URL, and returns it without a slash at its end.
func parseNode(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", usagef("%q is not the URL of a node, such as http://127.0.0.1:8080", s)
	}
	u.User, u.Path, u.RawPath = nil, strings.TrimRight(u.Path, "/"), strings.TrimRight(u.RawPath, "/")
	return u.String(), nil // which escapes the zone of an address: http://[fe80::1%25eth0]:8080
}

// readCA returns the CAs of the system and those in a PEM file. Without a file it returns nil,
// which stands for the system's.
func readCA(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--tls-ca: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--tls-ca %s holds no certificate in PEM", file)
	}
	return pool, nil
}
