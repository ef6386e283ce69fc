package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
)

// defaultVoters is what serve's --voters is unless told otherwise.
const defaultVoters = 3

// serveArgs is the command line that makes serve parse to c: what demo starts, and
// what it and venue add print for somebody to run.
func serveArgs(c node.Config) []string {
	args := []string{"serve", "--name", c.Name, "--role", c.Role, "--data", c.Data, "--http", c.HTTP, "--peer", c.Peer}
	for _, f := range []struct{ flag, value string }{
		{"--advertise-http", c.AdvertiseHTTP},
		{"--advertise-peer", c.AdvertisePeer},
		{"--join", c.Join},
		{"--invite-to", c.InviteTo},
		{"--token", c.Token},
		{"--token-file", c.TokenFile},
	} {
		if f.value != "" {
			args = append(args, f.flag, f.value)
		}
	}
	if c.Voters != defaultVoters {
		args = append(args, "--voters", strconv.Itoa(c.Voters))
	}
	if c.MaxInflightMsgs != 0 {
		args = append(args, "--max-inflight-msgs", strconv.Itoa(c.MaxInflightMsgs))
	}
	if c.MaxInflightBytes != 0 {
		args = append(args, "--max-inflight-bytes", strconv.FormatUint(c.MaxInflightBytes, 10))
	}
	if c.Open {
		args = append(args, "--open")
	}
	if c.Bootstrap {
		args = append(args, "--bootstrap")
	}
	return args
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// shellLine is a command as a shell takes it, pasted.
func shellLine(name string, args ...string) string {
	words := append([]string{name}, args...)
	for i, w := range words {
		if !plainWord.MatchString(w) {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
