package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
)

// Request is one operation for a child, from the orchestrator.
type Request struct {
	ID   int             `json:"id"`
	Op   string          `json:"op"`
	Args json.RawMessage `json:"args,omitempty"`
}

// Response is the answer to the request with the same id.
type Response struct {
	ID     int             `json:"id"`
	Error  string          `json:"error,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
}

// MaxLine bounds one line of the protocol, in bytes.
const MaxLine = 1 << 20

// A Program says what a process can become.
type Program struct {
	// Open starts the node that the arguments of the operation "start", a Config, describe, in this
	// process. The nodes of a group are started at the same time, so Open must not wait for another
	// one to answer.
	Open func(ctx context.Context, args json.RawMessage) (Node, error)
	// Roles are what the process can become instead of a node, by operation.
	Roles map[string]func(args json.RawMessage) (Caller, error)
}

// child is this process as a node: the target of the orchestrator's requests.
type child struct {
	Program
	mu   sync.Mutex // guards what follows
	node Node
	load *load
	role Caller // its role instead of a node
}

// gcPercent is GOGC in the nodes of every system, as `chessrelay serve` has it.
const gcPercent = 400

// Serve answers requests from standard input until that ends.
func (p Program) Serve(ctx context.Context) error {
	c := &child{Program: p}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	out := json.NewEncoder(os.Stdout)
	// Output of libraries goes to the log.
	os.Stdout = os.Stderr
	var mu sync.Mutex // one answer at a time
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, MaxLine)
	for lines.Scan() {
		var r Request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return fmt.Errorf("not a request: %w", err)
		}
		go func() {
			answer := Response{ID: r.ID}
			result, err := c.do(ctx, r)
			if err == nil && result != nil {
				answer.Result, err = json.Marshal(result)
			}
			if err != nil {
				answer.Error = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			_ = out.Encode(answer) // without an orchestrator, standard input ends, too
		}()
	}
	return lines.Err()
}

func (c *child) do(ctx context.Context, r Request) (any, error) {
	if open, ok := c.Roles[r.Op]; ok {
		role, err := open(r.Args)
		c.mu.Lock()
		c.role = role
		c.mu.Unlock()
		return nil, err
	}
	switch r.Op {
	case "start":
		n, err := c.Open(ctx, r.Args)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		c.node = n
		c.mu.Unlock()
		return nil, nil
	case "usage":
		return OwnUsage()
	}
	c.mu.Lock()
	n, l, role := c.node, c.load, c.role
	c.mu.Unlock()
	if role != nil {
		if closer, ok := role.(io.Closer); ok && r.Op == "stop" {
			return nil, closer.Close()
		}
		return role.Call(ctx, r.Op, r.Args)
	}
	if n == nil {
		return nil, errors.New("the node is not started")
	}
	switch r.Op {
	case "lead":
		return nil, n.Lead(ctx)
	case "load":
		var args LoadArgs
		if err := json.Unmarshal(r.Args, &args); err != nil {
			return nil, err
		}
		l, err := startLoad(ctx, n, args)
		c.mu.Lock()
		c.load = l
		c.mu.Unlock()
		return nil, err
	case "window":
		if l == nil {
			return nil, errors.New("there is no load")
		}
		return l.window()
	case "unload":
		if l == nil {
			return nil, errors.New("there is no load")
		}
		return nil, l.stop()
	case "make":
		var args LoadArgs
		if err := json.Unmarshal(r.Args, &args); err != nil {
			return nil, err
		}
		l, err := startLoad(ctx, n, args)
		if err != nil {
			return nil, err
		}
		l.wg.Wait()
		return nil, l.stop()
	case "applied":
		if n, ok := n.(Counted); ok {
			return n.HasApplied(), nil
		}
		return nil, errors.New("it cannot say what it has applied")
	case "stop":
		if n, ok := n.(io.Closer); ok {
			return nil, n.Close()
		}
		return nil, nil
	}
	if n, ok := n.(Caller); ok {
		return n.Call(ctx, r.Op, r.Args)
	}
	return nil, fmt.Errorf("there is no operation %q", r.Op)
}
