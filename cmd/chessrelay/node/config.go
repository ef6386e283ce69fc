package node

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/chessrelay/chessrelay/web/base"

	"github.com/chessrelay/chessrelay/consensus"
	"github.com/chessrelay/chessrelay/relay"
	"github.com/chessrelay/chessrelay/relay/relaypb"
	"github.com/chessrelay/chessrelay/web/edge"
)

// The roles a node can have.
const (
	RoleRecorder = "recorder"
	RoleVenue    = "venue"
	RoleEdge     = "edge" // outside the cluster: it follows a venue or another edge
)

// DefaultVoters is how many voters a cluster gets by default, if it has enough members.
const DefaultVoters = 3

// Config says how a node is started. The flags of `chessrelay serve` fill it, and that command
// checks them.
type Config struct {
	Name string
	Role string // RoleRecorder, RoleVenue or RoleEdge
	Data string // the folder of the node; an edge has none

	HTTP string // host:port to listen on for arbiters and spectators
	Peer string // host:port to listen on for the other nodes
	// AdvertiseHTTP and AdvertisePeer are where others reach this node; empty:
	// where it listens.
	AdvertiseHTTP string
	AdvertisePeer string

	// Bootstrap makes a new cluster. Join is what admits the node to an existing one: an
	// invitation, a file that holds one, the URL of a member on this machine, or the address of
	// another member's --peer port. Both are ignored if Data holds a node already. At most one of
	// them is set.
	Bootstrap bool
	Join      string
	InviteTo  string // a file in which this node keeps an invitation; empty: none
	Voters    int    // the number up to which venues become voters; at least 1

	// Upstreams are the base URLs of the nodes that an edge may follow, the preferred one first.
	Upstreams []string
	// Voucher is what an edge recognizes the members of the cluster by; zero: it cannot.
	Voucher consensus.Voucher
	// Invited says that Upstreams come from an invitation, and not from a flag.
	Invited bool

	// Token is, with Bootstrap, the first token of an admin. With Join or Upstreams, the node shows
	// it there. TokenFile is a file that holds the token instead.
	Token     string
	TokenFile string
	Open      bool // anybody may write while there is no token, also from other machines

	// Engine is the path of a UCI engine that evaluates the watched boards; empty: none.
	// EngineThreads is how many threads it has; 0: 1.
	Engine        string
	EngineThreads int

	// AccessLog is a file that gets a line of JSON for each request; "-": stdout; empty: none.
	AccessLog string

	// PullAllow lists the hosts of the local network from which sources may be fetched; see
	// pull.ParseAllow.
	PullAllow string

	// MaxSpectators bounds the connections to /live, /events and /feed. MaxPerAddress bounds those
	// of one address, MaxJoins how many come in a second. 0: broadcast's own defaults; negative: no
	// limit.
	MaxSpectators int
	MaxPerAddress int
	MaxJoins      int
	// HistoryEvents and HistoryBytes bound the history that is kept of a round for spectators who
	// come back; 0: broadcast's own defaults.
	HistoryEvents int
	HistoryBytes  int
	AllowOrigins  []string       // whose pages may connect, besides the node's own; see checkOrigin
	TrustProxies  []netip.Prefix // whose X-Forwarded-For is believed
	AllowHosts    []string       // names that clients reach the node by, besides the one of AdvertiseHTTP

	// TLSCert and TLSKey are PEM files. ACME, if set, are hosts for which the CA at ACMEDirectory
	// issues certificates; by default Let's Encrypt. Neither: plain HTTP.
	TLSCert, TLSKey string
	ACME            []string
	ACMEDirectory   string
	ACMECache       string         // a folder; empty: in Data
	HTTPRedirect    string         // host:port that sends browsers to TLS; empty: none
	AdminHTTP       string         // host:port of what only operators may see; empty: see web.Config.AdminPort
	Roots           *x509.CertPool // of --tls-ca; nil: the system's

	// These bound the appends that are on their way to one node while this one leads; 0: consensus'
	// own defaults.
	MaxInflightMsgs  int
	MaxInflightBytes uint64

	Pace edge.LogClientConfig // times of an edge, for tests
	Now  func() time.Time     // nil: the system's clock

	// FoundAfter is how long --bootstrap listens for members that look for this one, see
	// consensus.Config.FoundAfter.
	FoundAfter time.Duration

	CheckpointAfter time.Duration // 0: as consensus has it
	Stdout          io.Writer     // gets the first token; nil: nobody does
	TokenMade       bool          // Token is new, and TokenFile has it
	Exposed         bool          // for tests: as if other machines reached --http

	LogDropped func() uint64 // how many log lines were dropped; nil: none ever are
}

// TLS reports whether the node speaks TLS at --http.
func (c *Config) TLS() bool { return c.TLSCert != "" || len(c.ACME) > 0 }

// acmeCache is the folder of the CA's certificates and of the account there.
func (c *Config) acmeCache() string {
	if c.ACMECache != "" {
		return c.ACMECache
	}
	return filepath.Join(c.Data, "acme")
}

// ReadToken reads --token-file. A node that makes a cluster creates the file if it is missing.
func (c *Config) ReadToken() error {
	if c.TokenFile == "" {
		return nil
	}
	b, err := os.ReadFile(c.TokenFile)
	if c.Bootstrap && errors.Is(err, fs.ErrNotExist) {
		c.Token = base.NewToken(new(relaypb.CreateToken))
		c.TokenMade = true
		err = os.WriteFile(c.TokenFile, []byte(c.Token+"\n"), 0o600)
	} else {
		c.Token = strings.TrimSpace(string(b))
	}
	if err != nil {
		return fmt.Errorf("--token-file: %w", err)
	}
	if _, _, ok := relay.SplitToken(c.Token); !ok {
		return fmt.Errorf("--token-file %s holds no token, which looks like cr_ID_SECRET (chessrelay token generate makes one)", c.TokenFile)
	}
	return nil
}

// OpenAt reports whether anybody may write while there is no token.
func (c *Config) OpenAt(at net.Addr) bool {
	return (c.Open || onLoopback(at) && !c.Exposed) && !(c.Bootstrap && c.Token != "")
}

// Args is the command line of `chessrelay serve` that parses to c.
func (c *Config) Args() []string {
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
	if c.Voters != DefaultVoters {
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
