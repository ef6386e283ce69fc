//go:build !linux

package store

import (
	"errors"
	"os"
)

// datasync makes what was written to f durable.
func datasync(f *os.File) error { return f.Sync() }

func openDirect(string) (*os.File, error) { return nil, nil }

func writeDirect(*os.File, []byte, int64) error { return errors.ErrUnsupported }
