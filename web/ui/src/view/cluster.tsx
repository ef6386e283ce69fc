import { formatBytes, formatCount, formatRate, formatShort } from "../model/amount.ts";
import type { Lane, Pipeline } from "../model/pipeline.ts";

interface Props {
  readonly pipeline: Pipeline;
  /** Counts the polls: with each, the dots on a lane start again. */
  readonly turn: number;
}

const reason = {
  last_resort: (name: string) =>
    `${name} leads because no recorder could. Leadership goes back to a recorder once it has been healthy for a few seconds.`,
  by_hand: (name: string) => `${name} leads because somebody chose it, until somebody chooses another.`,
};

/** More dots than this look the same. */
const mostDots = 10;

export function ClusterView({ pipeline: p, turn }: Props) {
  return (
    <div class="cluster" data-leader={p.leader} data-term={p.term} data-commit={p.commit}>
      <header class="head">
        <div>
          <p class="crumbs">
            <a href="/">Tournaments</a>
          </p>
          <h1>The pipeline, live</h1>
        </div>
        <p class="meta">
          <span>as {p.node} sees it</span>
        </p>
      </header>
      <dl class="facts-row">
        <Fact name="Leader" value={p.leader ?? "nobody"} alone />
        <Fact name="Entries a second" value={p.entriesPerSecond === undefined ? "–" : formatRate(p.entriesPerSecond)} />
        <Fact name="Commit" value={formatCount(p.commit)} />
        <Fact name="Applied" value={formatCount(p.applied)} />
        <Fact name="Term" value={formatCount(p.term)} />
      </dl>
      {p.leads && <p class="notice">{reason[p.leads](p.leader ?? "A venue")}</p>}
      {p.warnings.map((w) => (
        <p key={w} class="notice" role="alert">
          Warning: {w}.
        </p>
      ))}
      {p.edge && <p class="notice">{p.edge}</p>}
      {!p.known && !p.edge && (
        <p class="notice">
          {p.leader === undefined
            ? "Nobody leads at the moment. The boards stay; moves are recorded again as soon as a majority has agreed on a leader."
            : `Only the leader knows how far each node is, and ${p.leader} could not be reached.`}
        </p>
      )}
      <div class="lanes" hidden={p.edge !== undefined}>
        {/* Roles: to some browsers a row that is laid out as a grid is no longer a row. */}
        <table role="table">
          <caption class="hidden">The nodes, and how much of the leader’s log each has on disk</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">
                Node
              </th>
              <th role="columnheader" scope="col">
                Log
              </th>
              <th role="columnheader" scope="col">
                Lag
              </th>
              <th role="columnheader" scope="col">
                Round trip
              </th>
              <th role="columnheader" scope="col">
                Sent
              </th>
              <th role="columnheader" scope="col">
                Last contact
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {p.lanes.map((l) => (
              <LaneRow key={l.id} lane={l} turn={turn} />
            ))}
          </tbody>
        </table>
      </div>
      {p.known && (
        <p class="legend quiet">
          Each lane shows the last {formatCount(p.span)} entries of the leader’s log, up to {formatCount(p.last)}. It is filled as far as the node has
          them on disk. A moving dot is an entry that arrived in the last second. A dot that waits at the end is an append in flight. The small bar is
          the inflight window: how many appends are in flight, of how many there may be. When it is full, the leader waits.
        </p>
      )}
    </div>
  );
}

function Fact({ name, value, alone }: { name: string; value: string; alone?: boolean }) {
  return (
    <div class={alone ? "alone" : undefined}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function LaneRow({ lane: l, turn }: { lane: Lane; turn: number }) {
  const leads = l.state === "leader";
  const lag = leads ? undefined : l.progress?.lag;
  const behind = lag ? `${lag === 1 ? "entry" : "entries"}, ${formatShort(l.progress!.lagMs)}` : undefined;
  return (
    <tr role="row" class="lane" data-member={l.name} data-state={l.state} data-match={l.progress?.match}>
      <th role="rowheader" scope="row">
        <span class="node">
          {l.pages ? <a href={l.pages}>{l.name}</a> : l.name}
          {l.here && <span class="here">this node</span>}
        </span>
        <span class="kind">
          {l.role} · {l.suffrage}
        </span>
      </th>
      <td role="cell" class="log">
        <span class="line">
          <span class="state">{l.state}</span>
          {l.progress && (
            <span class="numbers">
              <span>match {l.progress.match === 0 ? "unknown" : formatCount(l.progress.match)}</span>
              {!leads && <span>next {formatCount(l.progress.next)}</span>}
            </span>
          )}
        </span>
        <Track lane={l} turn={turn} />
        <span class="under">
          <span class="words">{l.words}</span>
          {l.progress && !leads && (
            <span class="inflight" title="The inflight window: how many appends the node has not answered yet, and how many there may be">
              <Window inflight={l.progress.inflight} limit={l.progress.inflightLimit} />
              {formatCount(l.progress.inflight)} of {formatCount(l.progress.inflightLimit)} in flight
            </span>
          )}
        </span>
      </td>
      <Cell
        name="Lag"
        value={lag === undefined ? (l.progress && !leads ? "unknown" : undefined) : lag === 0 ? "none" : formatCount(lag)}
        more={behind}
      />
      <Cell name="Round trip" value={l.rttMs === undefined ? undefined : formatShort(l.rttMs)} />
      <Cell
        name="Sent"
        value={l.sentBytes === undefined ? undefined : formatBytes(l.sentBytes)}
        more={l.bytesPerSecond === undefined ? undefined : `${formatBytes(l.bytesPerSecond)}/s`}
      />
      <Cell name="Last contact" value={leads ? undefined : l.heardMs === undefined ? l.progress && "never" : `${formatShort(l.heardMs)} ago`} />
    </tr>
  );
}

/** The lane itself. It adds nothing to the numbers beside it. */
function Track({ lane: l, turn }: { lane: Lane; turn: number }) {
  const p = l.progress;
  const running = Math.min(p?.arrived ?? 0, mostDots);
  const waiting = Math.min(p?.inflight ?? 0, mostDots);
  return (
    <span class="track" aria-hidden="true">
      {p && (
        <span class="fill" style={{ width: `${(p.filled * 100).toFixed(2)}%` }}>
          {dots(running).map((i) => (
            <span key={`${turn} ${i}`} class="runner" style={{ animationDelay: `${Math.round((i * 600) / running)}ms` }} />
          ))}
        </span>
      )}
      {waiting > 0 && (
        <span class="waiting">
          {dots(waiting).map((i) => (
            <span key={i} />
          ))}
        </span>
      )}
    </span>
  );
}

/** How full the inflight window is. A full one holds the leader back. */
function Window({ inflight, limit }: { inflight: number; limit: number }) {
  const full = limit === 0 ? 0 : Math.min(1, inflight / limit);
  return (
    <span class="window" data-full={full >= 0.9 || undefined} aria-hidden="true">
      {inflight > 0 && <span style={{ width: `${(full * 100).toFixed(1)}%` }} />}
    </span>
  );
}

function dots(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

function Cell({ name, value, more }: { name: string; value?: string; more?: string }) {
  return (
    <td role="cell" class="cell" data-name={name}>
      {value ?? <span class="quiet">–</span>}
      {more && <span class="more">{more}</span>}
    </td>
  );
}
