package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"time"

	"github.com/chessrelay/chessrelay/bench/node"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var jetStreamSystem = system{
	name:   "jetstream",
	about:  "NATS JetStream with three replicas, as it is shipped: it answers before anything is on a disk",
	module: "github.com/nats-io/nats-server/v2",
	open: func(_ context.Context, cfg nodeConfig) (node.Node, error) {
		return openJetStream(cfg, false)
	},
}

var jetStreamSyncSystem = system{
	name:    "jetstream-sync",
	about:   "NATS JetStream with three replicas and sync_interval: always",
	durable: true,
	module:  "github.com/nats-io/nats-server/v2",
	open: func(_ context.Context, cfg nodeConfig) (node.Node, error) {
		return openJetStream(cfg, true)
	},
}

const (
	streamName    = "MOVES"
	streamSubject = "moves"
	// jetStreamPending is how many answers a client may wait for: more than any load has
	// outstanding.
	jetStreamPending = 4096
)

// jetStream is one server. The leader also has a client in the same process.
type jetStream struct {
	cfg    nodeConfig
	server *server.Server
	stream jetstream.JetStream // node 0's
}

func openJetStream(cfg nodeConfig, syncAlways bool) (node.Node, error) {
	o := &server.Options{
		ServerName:         jetStreamName(cfg.Index),
		Host:               "127.0.0.1",
		Port:               server.RANDOM_PORT, // for clients: the only one is in this process
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           cfg.Dir,
		JetStreamMaxMemory: 256 << 20,
		JetStreamMaxStore:  8 << 30,
		SyncAlways:         syncAlways,
	}
	o.Cluster.Name = "bench"
	for i, addrs := range cfg.Addrs {
		host, port, err := net.SplitHostPort(addrs[0])
		if err != nil {
			return nil, err
		}
		if i != cfg.Index {
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: addrs[0]})
			continue
		}
		o.Cluster.Host = host
		if o.Cluster.Port, err = strconv.Atoi(port); err != nil {
			return nil, err
		}
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.ConfigureLogger()
	s.Start()
	return &jetStream{cfg: cfg, server: s}, nil
}

func jetStreamName(index int) string { return fmt.Sprintf("node-%d", index) }

// Lead makes the stream, and has the server in this process lead it.
func (j *jetStream) Lead(ctx context.Context) error {
	conn, err := nats.Connect("", nats.InProcessServer(j.server))
	if err != nil {
		return err
	}
	if j.stream, err = jetstream.New(conn, jetstream.WithPublishAsyncMaxPending(jetStreamPending)); err != nil {
		return err
	}
	var stream jetstream.Stream
	err = node.Until(ctx, "the servers to take a stream", func() (bool, error) {
		// Servers that have just met refuse it, or do not answer.
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		var err error
		stream, err = j.stream.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: streamName, Subjects: []string{streamSubject}, Replicas: len(j.cfg.Addrs), Storage: jetstream.FileStorage,
		})
		return err == nil, err
	})
	if err != nil {
		return err
	}
	stepDown, err := json.Marshal(server.JSApiLeaderStepdownRequest{Placement: &server.Placement{Preferred: jetStreamName(0)}})
	if err != nil {
		return err
	}
	return node.Until(ctx, "this server to lead the stream", func() (bool, error) {
		info, err := stream.Info(ctx)
		if err != nil || info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) != len(j.cfg.Addrs)-1 {
			return false, err
		}
		for _, r := range info.Cluster.Replicas {
			if !r.Current {
				return false, fmt.Errorf("%s is not current", r.Name)
			}
		}
		if info.Cluster.Leader == jetStreamName(0) {
			return true, nil
		}
		_, err = conn.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+streamName, stepDown)
		return false, errors.Join(fmt.Errorf("%s leads", info.Cluster.Leader), err)
	})
}

func (j *jetStream) Submitter(int) (func(context.Context) error, error) {
	payload := make([]byte, node.PayloadSize)
	return func(context.Context) error {
		answer, err := j.stream.PublishAsync(streamSubject, payload)
		if err != nil {
			return err
		}
		select {
		case <-answer.Ok():
			return nil
		case err := <-answer.Err():
			return err
		}
	}, nil
}
