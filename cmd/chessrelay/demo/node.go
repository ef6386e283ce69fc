package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/cmd/chessrelay/node"
	"github.com/chessrelay/chessrelay/cmd/chessrelay/terminal"
	"github.com/chessrelay/chessrelay/relay/relaypb"
)

const (
	readyTimeout = time.Minute
	// termGrace is how long a process may take to end after SIGTERM.
	termGrace = 10 * time.Second
	// portsTried is how many ports are tried for each listener.
	portsTried = 100
)

// A Node is one node of a demo: a process of its own, until it ends. A node that was killed and
// started again by hand no longer belongs to the demo.
type Node struct {
	// Immutable after construction.
	Config  node.Config
	URL     string
	LogFile string

	// Immutable after Launch.
	PID   int
	Ended chan struct{} // closed when the process has ended
	// State is how the process ended. It is set before Ended is closed.
	State *os.ProcessState
}

func (n *Node) commandLine(exe string) string { return terminal.ShellLine(exe, n.Config.Args()...) }

// Launch starts the node's process. When ctx ends, the process gets SIGTERM, and SIGKILL if it does
// not end by itself then.
func (d *Demo) Launch(ctx context.Context, n *Node) error {
	log, err := os.Create(n.LogFile)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, d.Exe, n.Config.Args()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = Environment(os.Environ())
	cmd.SysProcAttr = childAttributes()
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = termGrace

	started := make(chan error)
	n.Ended = make(chan struct{})
	d.Children.Go(func() {
		// The kernel ends a child with the thread that started it, so that
		// thread must live as long as the child does (golang.org/issue/27505).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the state says as much
		n.State = cmd.ProcessState
		close(n.Ended)
		if ctx.Err() == nil {
			d.announceEnd(n)
		}
	})
	if err := <-started; err != nil {
		n.Ended = nil
		return fmt.Errorf("start %s: %w", n.Config.Name, err)
	}
	n.PID = cmd.Process.Pid
	return nil
}

// announceEnd reports a process that ended unexpectedly, and how to start it again.
func (d *Demo) announceEnd(n *Node) {
	d.say(func(w io.Writer) {
		if d.up { // before that, WaitReady reports it
			fmt.Fprintf(w, "\n%s ended (pid %d, %v). To start it again, in another terminal:\n\n  %s\n\n",
				n.Config.Name, n.PID, n.State, n.commandLine(d.Exe))
		}
	})
}

// WaitReady waits until the node can be fed and watched.
func (n *Node) WaitReady(ctx context.Context) error {
	deadline := time.Now().Add(readyTimeout)
	for !n.Get("/readyz") {
		select {
		case <-n.Ended:
			return fmt.Errorf("%s ended while it started (%v); the end of its log:\n%s", n.Config.Name, n.State, n.EndOfLog())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %v; the end of its log:\n%s", n.Config.Name, readyTimeout, n.EndOfLog())
		}
	}
	return nil
}

// answers reports whether a node runs at this address, whoever started it.
func (n *Node) answers() bool { return n.Get("/healthz") }

// Get reports whether the node answers a path with 200.
func (n *Node) Get(path string) bool {
	c := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(n.URL + path)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// EndOfLog is the last lines of the node's log.
func (n *Node) EndOfLog() string {
	log, err := os.ReadFile(n.LogFile)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// Plan gives each node its name, its folder and its ports.
func Plan(dir, addr string, venues int, log *slog.Logger) ([]*Node, error) {
	host, first, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return nil, fmt.Errorf("--http has no port that is a number: %q", addr)
	}
	peerPort := port + 1000
	if port == 0 || peerPort+portsTried >= 1<<16 {
		peerPort = 0
	}
	var ports portPlan
	defer ports.release()
	var nodes []*Node
	token := "" // nodes that other machines reach need one
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		token = base.NewToken(new(relaypb.CreateToken))
	}
	voters := demoVoters
	if 1+venues < demoVoters {
		voters = 1
	}
	for i := range 1 + venues {
		invitation := filepath.Join(dir, "invitation")
		n := &Node{Config: node.Config{Name: "recorder", Role: node.RoleRecorder, Bootstrap: true, InviteTo: invitation, Voters: voters}}
		if i > 0 {
			n.Config = node.Config{Name: fmt.Sprintf("venue-%d", i), Role: node.RoleVenue, Join: invitation, Voters: voters}
		}
		n.Config.Token = token
		http, err := ports.next(host, port)
		if err != nil {
			return nil, err
		}
		peer, err := ports.next("127.0.0.1", peerPort)
		if err != nil {
			return nil, err
		}
		if i == 0 && port != 0 && http != port {
			log.Warn("the port is taken; the next free one is used", "taken", port, "used", http)
		}
		n.Config.Data = filepath.Join(dir, n.Config.Name)
		n.Config.HTTP = net.JoinHostPort(host, strconv.Itoa(http))
		n.Config.Peer = net.JoinHostPort("127.0.0.1", strconv.Itoa(peer))
		n.URL = "http://" + net.JoinHostPort(reachable(host), strconv.Itoa(http))
		n.Config.AdvertiseHTTP = n.URL
		n.LogFile = n.Config.Data + ".log"
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// reachable is a host at which this machine reaches a listener on the given host.
func reachable(host string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return host
}

// A portPlan finds free ports. It holds all of them until release, so that it finds none twice.
type portPlan struct{ held []net.Listener }

// next is the first free port from this one on; with 0, any free port.
func (p *portPlan) next(host string, from int) (int, error) {
	last := errors.New("no such port")
	for port := from; port < from+portsTried && port < 1<<16; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err == nil {
			p.held = append(p.held, l)
			return l.Addr().(*net.TCPAddr).Port, nil
		}
		last = err
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return 0, fmt.Errorf("there is no free port from %d on: %w", from, last)
}

func (p *portPlan) release() {
	for _, l := range p.held {
		l.Close()
	}
}

// Environment removes the variables of this program's flags from environ: they are for the demo.
func Environment(environ []string) []string {
	var kept []string
	for _, v := range environ {
		if !strings.HasPrefix(v, "CHESSRELAY_") {
			kept = append(kept, v)
		}
	}
	return kept
}
