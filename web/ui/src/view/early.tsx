import { delayOf, type Live } from "../model/live.ts";

/**
 * Tells viewers that they see the round before the public, or that their link no longer shows it
 * early.
 */
export function Early({ live, linked }: { live: Live; linked?: boolean }) {
  const late = live.round?.delay;
  if (!late || live.heardAt === undefined) return null;
  if (live.early === undefined)
    return linked ? <p class="notice">The viewing link does not show this round early, or has ended. You see what everybody sees.</p> : null;
  const behind = delayOf(live);
  if (behind === late) return <p class="notice">The viewing link shows this round as everybody sees it, delayed by {duration(late)}.</p>;
  return (
    <p class="notice early">
      You see this {behind === 0 ? "as it happens" : `delayed by ${duration(behind)}`}. Others see it {duration(late)} late: please keep it to
      yourself until then.
    </p>
  );
}

/** Seconds in the unit that fits. */
export function duration(seconds: number): string {
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}
