import { byRound, got, progress, written } from "../model/standings.ts";
import type { Encounter, Standings, StandingsLine, StandingsTeam, TieBreak, Tournament } from "../model/wire.ts";
import { Loading } from "./notfound.tsx";
import { Rounds } from "./tournaments.tsx";

interface Props {
  readonly tournament?: Tournament;
  readonly standings?: Standings;
  readonly error?: string;
  readonly now: number;
}

export function TournamentView({ tournament: t, standings: s, error, now }: Props) {
  return (
    <div class="tournament">
      <header class="head">
        <div>
          <p class="crumbs">
            <a href="/">Tournaments</a>
          </p>
          {t ? <h1>{t.name}</h1> : error && <h1>Tournament</h1>}
        </div>
        {t && <About tournament={t} />}
      </header>
      {error && (
        <p class="notice" role="alert">
          {error} {s && "These are the tables as they were."}
        </p>
      )}
      {!t && !error && <Loading />}
      {t?.description && <p>{t.description}</p>}
      {t?.players && <p class="quiet">{t.players}</p>}
      {s && <Tables standings={s} />}
      {t && (
        <section class="card">
          <h2>Rounds</h2>
          <Rounds tournament={t} now={now} />
        </section>
      )}
    </div>
  );
}

/** The tables of teams and of players. */
export function Tables({ standings: s }: { standings: Standings }) {
  return (
    <>
      {s.teams && <Teams standings={s} teams={s.teams} />}
      {s.players.length > 0 && <Players standings={s} />}
    </>
  );
}

/** The organiser's description of the tournament, if any. */
export function About({ tournament: t }: { tournament: Tournament }) {
  const said = [t.private && "Private", t.location, t.format, t.timeControl, t.timeZone && `Time zone: ${t.timeZone}`].filter(Boolean);
  if (said.length === 0 && !t.website) return null;
  return (
    <p class="meta">
      {said.map((text) => (
        <span key={String(text)}>{text}</span>
      ))}
      {t.website && (
        <a href={t.website} target="_blank" rel="noopener nofollow">
          Website
        </a>
      )}
    </p>
  );
}

function Players({ standings: s }: { standings: Standings }) {
  return (
    <section class="card standings" data-finished={s.finished}>
      <h2>{s.teams ? "Players" : progress(s)}</h2>
      <div class="wide" tabIndex={0} role="region" aria-label="Table of the players">
        <table>
          <thead>
            <tr>
              <th scope="col" class="rank">
                <abbr title="Rank">#</abbr>
              </th>
              <th scope="col" class="who">
                Player
              </th>
              <th scope="col" class="more">
                Rating
              </th>
              <th scope="col" class="total">
                Points
              </th>
              <Numbers of={s} />
              <Head short="Games" long="Games that have a result" less />
              <Heads of={s.tieBreaks} less={1} />
              {!hasPerformance(s) && <Head short="Perf" long="Performance rating" />}
            </tr>
          </thead>
          <tbody>
            {s.players.map((p) => (
              <Line key={p.place} line={p} of={s} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Head({ short, long, less }: { short: string; long: string; less?: boolean }) {
  return (
    <th scope="col" class={less ? "" : "more"}>
      <abbr title={long}>{short}</abbr>
    </th>
  );
}

/** The heads of the tie-breaks. A narrow screen shows only the first few. */
function Heads({ of, less }: { of: readonly TieBreak[]; less: number }) {
  return (
    <>
      {of.map((t, i) => (
        <Head key={i} short={t.code} long={`${t.name}: ${t.meaning}`} less={i < less} />
      ))}
    </>
  );
}

/** Whether the performance already has a column as a tie-break. */
function hasPerformance(s: Standings): boolean {
  return s.tieBreaks.some((t) => t.code === "TPR");
}

/** The heads of the rounds' columns, which lead to the rounds. */
function Numbers({ of }: { of: Standings }) {
  return (
    <>
      {of.rounds.map((r, i) => (
        <th key={r.id} scope="col" class="more round">
          <a href={`/round/${r.id}`} title={r.name}>
            {i + 1}
          </a>
        </th>
      ))}
    </>
  );
}

function Line({ line: l, of }: { line: StandingsLine; of: Standings }) {
  const { player: p, tieBreaks: b } = l;
  return (
    <tr data-place={l.place} data-points={l.points}>
      <Place of={l} />
      <th scope="row" class="who">
        <span class="name" title={p.name}>
          {p.title && <abbr class="title">{p.title}</abbr>}
          {p.name}
        </span>
        {p.federation && <span class="quiet"> {p.federation}</span>}
      </th>
      <td class="more quiet">{p.rating}</td>
      <td class="total">{written(l.points)}</td>
      {byRound(l.results, of.rounds.length).map((list, i) => (
        <td key={i} class="more round">
          {list.map((e) => (
            <Game key={e.board} e={e} of={of} />
          ))}
        </td>
      ))}
      <td class="quiet">{l.games}</td>
      {of.tieBreaks.map((t, i) => (
        <td key={i} class={i < 1 ? "" : "more"} title={t.code === "DE" ? among(b.directEncounterRank) : undefined}>
          {value(t, l.values[i] ?? 0)}
        </td>
      ))}
      {!hasPerformance(of) && <td class="more quiet">{b.performance}</td>}
    </tr>
  );
}

/** A tie-break's value. A rating of 0 is none. */
function value(t: TieBreak, n: number): string {
  return n === 0 && ["ARO", "AROC1", "TPR"].includes(t.code) ? "" : written(n);
}

/** The place among those with the same points, in words. */
function among(rank: number | undefined): string | undefined {
  return rank === undefined ? undefined : `Place ${rank} among those with the same points`;
}

/** The number by which other lines refer to this one; it alone tells tied lines apart. */
function Place({ of: { place, rank } }: { of: { readonly place: number; readonly rank: number } }) {
  return (
    <td class="rank" title={place === rank ? undefined : `Tied for rank ${rank}`}>
      {place === rank ? place : `(${place})`}
    </td>
  );
}

/** The points of one game, with the opponent and the colour. */
function Game({ e, of }: { e: Encounter; of: Standings }) {
  const opponent = e.opponent === undefined ? undefined : of.players[e.opponent - 1];
  const title = `${e.white ? "White" : "Black"} against ${opponent?.player.name ?? "nobody"}${e.unplayed ? ", not played" : ""}`;
  return (
    <a class={`game ${e.white ? "white" : "black"}`} href={`/round/${of.rounds[e.round - 1]?.id}/${e.board}`} title={title}>
      <b>{got(e)}</b>
      <span class="disc" />
      <span class="quiet">{e.opponent ?? "–"}</span>
    </a>
  );
}

function Teams({ standings: s, teams }: { standings: Standings; teams: readonly StandingsTeam[] }) {
  const [score, ...rest] = s.teamTieBreaks ?? [];
  return (
    <section class="card standings teams" data-finished={s.finished}>
      <h2>{progress(s)}</h2>
      <div class="wide" tabIndex={0} role="region" aria-label="Table of the teams">
        <table>
          <thead>
            <tr>
              <th scope="col" class="rank">
                <abbr title="Rank">#</abbr>
              </th>
              <th scope="col" class="who">
                Team
              </th>
              <th scope="col" class="total">
                <abbr title={score && `${score.name}: ${score.meaning}`}>Points</abbr>
              </th>
              <Numbers of={s} />
              <Head short="Matches" long="Matches that are finished" />
              <Heads of={rest} less={2} />
            </tr>
          </thead>
          <tbody>
            {teams.map((t) => (
              <tr key={t.place} data-team={t.team} data-points={t.values[0]}>
                <Place of={t} />
                <th scope="row" class="who">
                  <span class="name">{t.team}</span>
                </th>
                <td class="total">{written(t.values[0] ?? 0)}</td>
                {byRound(t.results, s.rounds.length).map((list, i) => (
                  <td key={i} class="more round">
                    {list.map((m) => (
                      <a
                        key={m.opponent}
                        class="game"
                        href={`/round/${s.rounds[i]?.id}`}
                        title={`against ${teams[m.opponent - 1]?.team}${m.finished ? "" : ", going on"}`}
                      >
                        <b class={m.finished ? "" : "open"}>{written(m.score[0])}</b>
                        <span class="quiet">{m.opponent}</span>
                      </a>
                    ))}
                  </td>
                ))}
                <td class="more quiet">{t.matches}</td>
                {rest.map((_, i) => (
                  <td key={i} class={i < 2 ? "" : "more"}>
                    {written(t.values[i + 1] ?? 0)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
