//go:build !linux

package main

import (
	"encoding/json"
	"errors"
	"net"

	"github.com/chessrelay/chessrelay/bench/node"
)

var errOnlyLinux = errors.New("the benchmark of many spectators needs Linux: it is made of epoll and of many loopback addresses")

func openFanFloor(*venue, net.Listener) (fanHub, error) { return nil, errOnlyLinux }
func openCrowd(json.RawMessage) (node.Caller, error)    { return nil, errOnlyLinux }
func checkFanLimits(int) error                          { return errOnlyLinux }
