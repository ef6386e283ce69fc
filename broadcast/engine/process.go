package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// maxLine is the longest line of an engine: a best line of 250 moves has less than 2 KiB.
	maxLine = 16 << 10
	// maxLines is how many lines an engine may write in a second.
	maxLines = 20_000
	// handshake is how long an engine may take to start. A network of 100 MB is read from a disk.
	handshake = 20 * time.Second
)

var (
	errDied    = errors.New("it has ended")
	errSilent  = errors.New("it does not answer")
	errLine    = fmt.Errorf("it wrote a line of more than %d bytes", maxLine)
	errChatter = fmt.Errorf("it wrote more than %d lines in a second", maxLines)
)

// process is a running engine. It belongs to Engine.run, but for its reader.
type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string   // what it writes; closed when it ends
	quit  chan struct{} // closed by kill
	read  error         // why the reader ended; set before lines is closed

	name     string          // as it calls itself
	options  map[string]bool // that it has
	chess960 bool            // as it was last told
	counted  time.Time       // since when written counts
	written  int
}

// start starts the program. It gets none of our own environment's settings, which may hold a token.
func start(path string) (*process, error) {
	p := &process{lines: make(chan string, 64), quit: make(chan struct{}), options: map[string]bool{}}
	p.cmd = exec.Command(path)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "CHESSRELAY_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = time.Second // a child of its own may hold the pipe open
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.stdin = stdin
	lowerPriority(p.cmd.Process.Pid)
	go p.readLines(stdout)
	return p, nil
}

// readLines passes on what the engine writes, until it ends or is killed.
func (p *process) readLines(from io.Reader) {
	defer close(p.lines)
	r := bufio.NewReaderSize(from, maxLine)
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			p.read = errLine
			return
		case err != nil:
			p.read = errDied
			return
		}
		select {
		case p.lines <- strings.TrimSpace(string(line)):
		case <-p.quit:
			return
		}
	}
}

// kill ends the process and its reader.
func (p *process) kill() {
	close(p.quit)
	killGroup(p.cmd.Process)
	_ = p.stdin.Close()
	for range p.lines { // until the reader has ended: Wait closes what it reads
	}
	_ = p.cmd.Wait() // it was killed
}

// writeTimeout is how long the engine may leave a command in a full pipe.
const writeTimeout = 5 * time.Second

func (p *process) send(format string, a ...any) error {
	if f, ok := p.stdin.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = f.SetWriteDeadline(time.Now().Add(writeTimeout))
	}
	if _, err := fmt.Fprintf(p.stdin, format+"\n", a...); err != nil {
		return fmt.Errorf("%w: %w", errDied, err)
	}
	return nil
}

// heard notes a line that came from p.lines. It returns why the engine must go, if it must.
func (p *process) heard(ok bool) error {
	if !ok {
		return p.read
	}
	if now := time.Now(); now.Sub(p.counted) > time.Second {
		p.counted, p.written = now, 0
	}
	if p.written++; p.written > maxLines {
		return errChatter
	}
	return nil
}

// await reads lines up to the word, and calls each with those before it.
func (p *process) await(ctx context.Context, word string, each func(line string)) error {
	limit := time.NewTimer(handshake)
	defer limit.Stop()
	for {
		select {
		case line, ok := <-p.lines:
			if err := p.heard(ok); err != nil {
				return err
			}
			if line == word {
				return nil
			}
			each(line)
		case <-limit.C:
			return errSilent
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// prepare shakes hands and sets the options.
func (p *process) prepare(ctx context.Context, threads, hashMB int) error {
	if err := p.send("uci"); err != nil {
		return err
	}
	err := p.await(ctx, "uciok", func(line string) {
		if name, ok := strings.CutPrefix(line, "id name "); ok {
			p.name = clean(name)
		}
		if option, ok := strings.CutPrefix(line, "option name "); ok && len(p.options) < 1000 {
			name, _, _ := strings.Cut(option, " type ")
			p.options[name] = true
		}
	})
	if err != nil {
		return err
	}
	for _, o := range []struct {
		name  string
		value int
	}{{"Threads", threads}, {"Hash", hashMB}} {
		if p.options[o.name] {
			if err := p.send("setoption name %s value %d", o.name, o.value); err != nil {
				return err
			}
		}
	}
	if err := p.send("isready"); err != nil {
		return err
	}
	return p.await(ctx, "readyok", func(string) {})
}

// clean returns at most 64 characters of a text that an engine wrote, without what cannot be
// printed.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= ' ' && r < 0x7f && b.Len() < 64 {
			b.WriteRune(r)
		}
	}
	return b.String()
}
