package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// etcdSystem's nodes are a program of their own. One program holds one version of go.etcd.io/raft,
// and etcd's may differ from chessrelay's.
var etcdSystem = system{
	name:      "etcd",
	about:     "an embedded etcd server, and its client within the process",
	durable:   true,
	converges: true,
	module:    "go.etcd.io/etcd/server/v3",
	folder:    "etcd",
}

// prepare makes sure that the program of s exists, if it has its own. That is the given file or, if
// that is empty, a program that is built in dir.
func (s *system) prepare(ctx context.Context, given, dir string) error {
	if s.folder == "" {
		return nil
	}
	s.program = given
	if given == "" {
		s.program = filepath.Join(dir, s.name)
		if err := build(ctx, s.folder, ".", s.program); err != nil {
			return fmt.Errorf("%w; or give the program of %s with --%s, or leave it out with --only", err, s.name, s.name)
		}
	}
	return nil
}

// build builds the command pkg in folder's module. The go command reports errors on standard error.
func build(ctx context.Context, folder, pkg, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", file, pkg)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build %s in %s, which needs the go command, the modules that it downloads, and bench's own folder to be the present one: %w", pkg, folder, err)
	}
	return nil
}
