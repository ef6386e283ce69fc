import type { Round, Tournament } from "../model/wire.ts";

/** One tournament with its rounds. */
export function TournamentCard({ tournament: t, now }: { tournament: Tournament; now: number }) {
  return (
    <article class="card" data-tournament={t.id}>
      <header>
        <h2>
          <a href={`/tournament/${t.id}`}>{t.name}</a>
        </h2>
        {t.location && <p class="quiet">{t.location}</p>}
        {t.description && <p>{t.description}</p>}
      </header>
      <Rounds tournament={t} now={now} />
    </article>
  );
}

/** The rounds of a tournament, the newest first. */
export function Rounds({ tournament: t, now }: { tournament: Tournament; now: number }) {
  const rounds = [...(t.rounds ?? [])].reverse();
  if (rounds.length === 0) return <p class="quiet">No rounds yet.</p>;
  return (
    <ul class="rounds">
      {rounds.map((r) => (
        <li key={r.id} data-round={r.id}>
          <a href={`/round/${r.id}`}>
            <span>{r.name}</span>
            <When round={r} now={now} />
          </a>
        </li>
      ))}
    </ul>
  );
}

/** When a round begins or began, in the reader's own time zone. */
export function When({ round, now }: { round: Round; now: number }) {
  const at = round.startsAt ?? round.createdAt;
  if (!at) return null;
  const text = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(at);
  return (
    <time class="quiet" dateTime={new Date(at).toISOString()}>
      {round.startsAt && round.startsAt > now ? `starts ${text}` : text}
    </time>
  );
}

/** What a server without any tournament shows. */
export function Empty() {
  return (
    <section class="empty">
      <h2>No tournament yet</h2>
      <p>A round appears here as soon as someone records one. With games in a PGN file, that is one line:</p>
      <pre>
        <code>{`chessrelay feed --to ${location.origin} --new "Round 1" games.pgn`}</code>
      </pre>
      <p>
        To see how it looks, <code>chessrelay demo</code> replays a sample round on this computer.
      </p>
    </section>
  );
}
