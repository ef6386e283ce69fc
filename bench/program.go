package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// etcdSystem's nodes are a program of their own: one program holds one version of go.etcd.io/raft,
// and etcd's need not be chessrelay's.
var etcdSystem = system{
	name:      "etcd",
	about:     "an embedded etcd server, and its client within the process",
	durable:   true,
	converges: true,
	module:    "go.etcd.io/etcd/server/v3",
	folder:    "etcd",
}

// prepare sees to it that the program of s, if it has one of its own, is there: the given file or,
// if that is empty, one that is built in dir.
func (s *system) prepare(ctx context.Context, given, dir string) error {
	if s.folder == "" {
		return nil
	}
	if s.program = given; given == "" {
		s.program = filepath.Join(dir, s.name)
		if err := build(ctx, s.folder, ".", s.program); err != nil {
			return fmt.Errorf("%w; or give the program of %s with --%s, or leave it out with --only", err, s.name, s.name)
		}
	}
	return nil
}

// build builds the command that is pkg in the module in folder. The go command says on standard
// error what is wrong with it.
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
