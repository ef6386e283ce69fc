package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
)

// A process is a child, as the orchestrator sees it. Package node has the protocol between them.
// Any goroutine may call its methods.
type process struct {
	name    string
	logFile string
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the child has ended, and the goroutine that waits for it

	mu      sync.Mutex
	stdin   io.WriteCloser
	next    int
	waiting map[int]chan node.Response
}

// startProcess starts a program as a node; empty: this program. The child ends with its standard
// input, so at the latest with the orchestrator.
func startProcess(program, name, dir string) (_ *process, err error) {
	if program == "" {
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	p := &process{name: name, logFile: filepath.Join(dir, name+".log"), ended: make(chan struct{}), waiting: map[int]chan node.Response{}}
	log, err := os.Create(p.logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(program, "node")
	p.cmd.Stderr = log
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go p.read(out)
	return p, nil
}

// read hands out the answers until the child has ended.
func (p *process) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, node.MaxLine)
	for lines.Scan() {
		var r node.Response
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue // a library printed something
		}
		p.mu.Lock()
		if c, ok := p.waiting[r.ID]; ok {
			c <- r
			delete(p.waiting, r.ID)
		}
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // it is no error that a child was killed
	close(p.ended)
}

// call has the child do something and decodes its answer into v, unless that is nil.
func (p *process) call(ctx context.Context, op string, args, v any) error {
	raw, err := json.Marshal(args)
	if err != nil {
		return err
	}
	answer := make(chan node.Response, 1)
	p.mu.Lock()
	p.next++
	id := p.next
	p.waiting[id] = answer
	line, _ := json.Marshal(node.Request{ID: id, Op: op, Args: raw})
	_, err = p.stdin.Write(append(line, '\n'))
	p.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%s: %s: %w%s", p.name, op, err, p.endOfLog())
	}
	select {
	case r := <-answer:
		if r.Error != "" {
			return fmt.Errorf("%s: %s: %s%s", p.name, op, r.Error, p.endOfLog())
		}
		if v == nil {
			return nil
		}
		return json.Unmarshal(r.Result, v)
	case <-p.ended:
		return fmt.Errorf("%s ended during %s (%v)%s", p.name, op, p.cmd.ProcessState, p.endOfLog())
	case <-ctx.Done():
		return fmt.Errorf("%s: %s: %w%s", p.name, op, ctx.Err(), p.endOfLog())
	}
}

// endOfLog is what the child wrote last to its log, for an error message.
func (p *process) endOfLog() string {
	log, err := os.ReadFile(p.logFile)
	log = bytes.TrimSpace(log)
	if err != nil || len(log) == 0 {
		return ""
	}
	lines := bytes.Split(log, []byte("\n"))
	return "; the end of its log:\n" + string(bytes.Join(lines[max(0, len(lines)-8):], []byte("\n")))
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// kill ends the child at once, as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stopGrace is how long a node may take to close.
const stopGrace = 15 * time.Second

// stop has the node close itself, and the child end.
func (p *process) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopGrace)
	defer cancel()
	err := p.call(ctx, "stop", nil, nil)
	p.mu.Lock()
	_ = p.stdin.Close()
	p.mu.Unlock()
	select {
	case <-p.ended:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("%s does not end", p.name))
		p.kill()
	}
	return err
}
