package consensus

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/chessrelay/chessrelay/store"
	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
)

// Beside identity.json, a data directory has the log, a directory, and the boards, a file.
const (
	logDir     = "log"
	boardsFile = "boards"
)

// The log of a new cluster begins after this index, at which the first checkpoint has the founder.
// A log that begins at 1 could be replayed into a node without that checkpoint.
const foundingIndex, foundingTerm = 1, 1

func (n *Node) openFiles() error {
	if err := os.MkdirAll(n.cfg.Dir, 0o700); err != nil {
		return err
	}
	if who, err := store.LoadIdentity(n.cfg.Dir); err == nil && who.Joined && n.isMissing(logDir) && n.isMissing(boardsFile) {
		return fmt.Errorf("%s: log and boards are gone, and with them this node's votes and what it has acknowledged: "+
			"restore them, or clear the directory and join again as a new member", n.cfg.Dir)
	}
	log, err := n.cfg.seams.openLog(filepath.Join(n.cfg.Dir, logDir))
	if err != nil {
		return err
	}
	n.storage = &storage{entryLog: log}
	n.boardsFile, err = store.OpenBoards(filepath.Join(n.cfg.Dir, boardsFile))
	if err != nil {
		return err
	}
	n.storage.boards = n.boardsFile
	return nil
}

// isMissing reports whether there is no file of that name, and no directory with content.
func (n *Node) isMissing(name string) bool {
	path := filepath.Join(n.cfg.Dir, name)
	if in, err := os.ReadDir(path); err == nil {
		return len(in) == 0
	}
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// closeFiles closes what openFiles and open have opened.
func (n *Node) closeFiles() error {
	var errs []error
	if n.listener != nil {
		_ = n.listener.Close() // Close and fail close it, too
	}
	if n.boardsFile != nil {
		errs = append(errs, n.boardsFile.Close())
	}
	if n.storage != nil {
		errs = append(errs, n.storage.entryLog.Close())
	}
	return errors.Join(errs...)
}

// identify finds out who this node is: from its directory, or by founding or joining a cluster. The
// id is on disk before anyone learns it. So a node that dies while it joins comes back as the same
// one.
func (n *Node) identify(ctx context.Context) error {
	who, err := store.LoadIdentity(n.cfg.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh := err != nil
	switch {
	case who.Removed != "":
		return removedError(n.cfg.Dir, who)
	case who.Joined:
		if who.Role != string(n.cfg.Role) || who.Name != n.cfg.Name {
			return fmt.Errorf("%s holds the %s %q; start it with that role and name, or use another directory", n.cfg.Dir, who.Role, who.Name)
		}
		if err := n.adoptIdentity(who); err != nil {
			return err
		}
		if n.boardsFile.Position().Index == 0 && n.cfg.Join != nil {
			// It was admitted and has no boards yet, so it knows no member to tell its new address.
			return n.joinCluster(ctx, &who)
		}
		return nil
	case !n.cfg.Bootstrap && n.cfg.Join == nil:
		return fmt.Errorf("%s holds no node yet: make a new cluster (--bootstrap) or join one (--join INVITATION)", n.cfg.Dir)
	case fresh && (n.boardsFile.Position().Index != 0 || n.storage.entryLog.LastIndex() != 0):
		return fmt.Errorf("%s holds boards but no identity (identity.json): restore it, or start with an empty directory", n.cfg.Dir)
	}
	if fresh {
		who = store.Identity{MemberID: randomID(), Name: n.cfg.Name, Role: string(n.cfg.Role), Key: newKey()}
		if n.cfg.Bootstrap {
			who.ClusterID, who.Secret = fmt.Sprintf("%016x", randomID()), rand.Text()
			if who.Authority, who.AuthorityKey, err = newAuthority(who.ClusterID); err != nil {
				return err
			}
		}
		if err := store.SaveIdentity(n.cfg.Dir, who); err != nil {
			return err
		}
	}
	if n.cfg.Bootstrap {
		if err := n.adoptIdentity(who); err != nil {
			return err
		}
		err = n.foundCluster()
	} else {
		err = n.joinCluster(ctx, &who)
	}
	if err != nil {
		return err
	}
	who.Joined, who.Name, who.Role = true, n.cfg.Name, string(n.cfg.Role)
	return store.SaveIdentity(n.cfg.Dir, who)
}

// adoptIdentity makes this node the one that who describes.
func (n *Node) adoptIdentity(who store.Identity) (err error) {
	if who.ClusterID == "" && n.cfg.Bootstrap {
		return fmt.Errorf("%s began to join a cluster; use an empty directory to make a new one", n.cfg.Dir)
	}
	n.id, n.clusterID, n.secret = MemberID(who.MemberID), who.ClusterID, who.Secret
	n.credentials, err = newCredentials(who.ClusterID, who.Key, who.Authority, who.AuthorityKey, who.Certificate)
	if err != nil {
		return fmt.Errorf("%s: identity.json: %w: restore the directory, or clear it and join again as a new member", n.cfg.Dir, err)
	}
	n.publicKey = n.credentials.public()
	return nil
}

// foundCluster writes the first checkpoint of a new cluster: one voter, this node.
func (n *Node) foundCluster() (err error) {
	self := n.self()
	if err := self.validate(); err != nil {
		return err
	}
	if self.Certificate, err = n.credentials.issue(n.id, n.publicKey, foundingIndex, time.Now()); err != nil {
		return err
	}
	if n.boardsFile.Position().Index == 0 {
		if err := n.awaitFormerMembers(); err != nil {
			return err
		}
		err := n.boardsFile.Checkpoint(store.Checkpoint{
			Position: store.Position{
				Index: foundingIndex, Term: foundingTerm,
				ConfState: &raftpb.ConfState{Voters: []uint64{uint64(n.id)}},
			},
			Put: map[string][]byte{memberPrefix + n.id.String(): mustJSON(self)},
		})
		if err != nil {
			return err
		}
	}
	return n.storage.Reset(foundingIndex, foundingTerm, raftpb.HardState{Term: foundingTerm, Commit: foundingIndex})
}

// joinCluster asks to be admitted, and writes what it learns into who.
func (n *Node) joinCluster(ctx context.Context, who *store.Identity) error {
	if n.boardsFile.Position().Index != 0 {
		return fmt.Errorf("%s began to make a cluster of its own; use an empty directory to join another one", n.cfg.Dir)
	}
	key, err := privateKey(who.Key)
	if err != nil {
		return fmt.Errorf("%s: identity.json: %w: clear the directory", n.cfg.Dir, err)
	}
	n.id, n.publicKey = MemberID(who.MemberID), encodeBase64(key.Public().(ed25519.PublicKey))
	w, err := n.cfg.Join(ctx, Applicant{n.self(), key})
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if w.ClusterID == "" {
		return errors.New("join: the member's answer names no cluster")
	}
	me := slices.IndexFunc(w.Members, func(m Member) bool { return m.ID == n.id })
	if me < 0 || w.Members[me].Key != n.publicKey {
		return errors.New("join: the member's list of members lacks this node")
	}
	who.ClusterID, who.Secret, who.Authority, who.AuthorityKey = w.ClusterID, w.Secret, w.Authority, w.AuthorityKey
	who.Certificate = w.Members[me].Certificate
	n.discovered.put(memberList{AsOf: 1, Members: w.Members}) // until it has boards
	return n.adoptIdentity(*who)
}

// repair makes log and boards fit each other after a crash. Two loops write them, so either may be
// ahead.
func (n *Node) repair() error {
	p, log := n.boardsFile.Position(), n.storage.entryLog
	hard := log.HardState()
	if p.Index+1 < log.FirstIndex() {
		return fmt.Errorf("%s: the boards are at index %d and the log begins at %d, so moves are missing between them: "+
			"restore both files from the same moment, or clear the directory and join again as a new member",
			n.cfg.Dir, p.Index, log.FirstIndex())
	}
	if p.Index > 0 && raft.IsEmptyHardState(hard) {
		return fmt.Errorf("%s: the log is gone, and with it this node's votes and what it has acknowledged: "+
			"restore it from the same moment as the boards, or clear the directory and join again as a new member", n.cfg.Dir)
	}
	// The boards contain only committed entries, so those are committed, whatever commit index is
	// in the log.
	if hard.Commit < p.Index {
		hard.Commit = p.Index
	}
	// This node has not voted in a term that is newer than its own.
	if hard.Term < p.Term {
		hard.Term, hard.Vote = p.Term, 0
	}
	term, err := log.Term(p.Index)
	if (err == nil && term == p.Term) || errors.Is(err, raft.ErrCompacted) {
		n.storage.hard = hard
		return nil
	}
	// A snapshot was installed, and the crash came before the log began again behind it. Nothing
	// else leaves boards that the log does not reach.
	who, err := store.LoadIdentity(n.cfg.Dir)
	if err != nil {
		return err
	}
	if who.Installed != p.Index {
		return fmt.Errorf("%s: the boards are at index %d of term %d, and the log, which ends at %d, does not hold that entry: it has lost its end or "+
			"is from another moment, so this node's votes and what it has acknowledged are missing: restore both files from the same moment, "+
			"or clear the directory and join again as a new member", n.cfg.Dir, p.Index, p.Term, log.LastIndex())
	}
	if err := log.Reset(p.Index, p.Term, hard); err != nil {
		return err
	}
	n.storage.hard = log.HardState()
	return nil
}

// noteRemoved is called when this node learns that it was removed. Each peer tells it twice. It
// writes that down, so that the next start says so at once.
func (n *Node) noteRemoved() {
	who, err := n.updateIdentity(func(who *store.Identity) {
		if who.Removed == "" {
			who.Removed = "the other members said so"
		}
	})
	n.fail(errors.Join(removedError(n.cfg.Dir, who), err))
}

// lostEntries is called when the leader says that this node has lost entries that it acknowledged.
// It must not vote nor count for a majority, so it stops.
func (n *Node) lostEntries(r reply) {
	n.fail(fmt.Errorf("%s is an older copy of this node's data directory: %s. The entries that it lacks counted for a majority. "+
		"Remove this member (chessrelay venue remove), clear the directory, and join again with an invitation", n.cfg.Dir, r.Error))
}

// updateIdentity changes identity.json.
func (n *Node) updateIdentity(change func(*store.Identity)) (who store.Identity, err error) {
	n.identityMu.Lock()
	defer n.identityMu.Unlock()
	err = n.untilFiles(func() (err error) {
		if who, err = store.LoadIdentity(n.cfg.Dir); err != nil {
			return err
		}
		was := who
		change(&who)
		if who != was {
			err = store.SaveIdentity(n.cfg.Dir, who)
		}
		return err
	})
	return who, err
}

// removedError says which member was removed, and where its useless data is.
func removedError(dir string, who store.Identity) error {
	return fmt.Errorf("%w: %q, member %s of cluster %s; its data directory is %s", ErrRemoved, who.Name, MemberID(who.MemberID), who.ClusterID, dir)
}

// randomID draws an id that is neither 0 nor reserved by Raft.
func randomID() uint64 {
	for {
		if id := randomUint64(); id != 0 && id < raft.LocalApplyThread {
			return id
		}
	}
}

// randomUint64 draws from crypto/rand, as Raft does for its election timeouts. A test can make that
// source deterministic (testing/cryptotest).
func randomUint64() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return binary.BigEndian.Uint64(b[:])
}
