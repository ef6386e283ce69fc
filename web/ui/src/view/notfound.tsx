import { divergedText } from "../model/status.ts";
import type { Refusal } from "../net/connection.ts";

/** Why there is no round to show, in words; undefined for any other reason. */
export function missingRound(reason: Refusal, link?: string): string | undefined {
  if (reason === "no-round" && link !== undefined) return "The viewing link shows no round here: it is for another round, has ended or was revoked.";
  if (reason === "no-round") return "There is no round at this address. It may have been mistyped, or belong to another server.";
  if (reason === "deleted") return "This round was deleted.";
  if (reason === "ended") return "This viewing link has ended or was revoked. Reload the page to see what everybody may see.";
  return undefined;
}

export function NotFound({ text }: { text: string }) {
  return (
    <section class="message">
      <h1>Nothing here</h1>
      <p>{text}</p>
      <p>
        <a href="/">All tournaments</a>
      </p>
    </section>
  );
}

/** Replaces a page whose boards have not come yet, or will not come from this node. */
export function Loading({ diverged }: { diverged?: boolean }) {
  return (
    <section class="message">
      {diverged ? <h1>No boards here</h1> : <h1 class="hidden">chessrelay</h1>}
      <p class="quiet">{diverged ? divergedText : "One moment…"}</p>
    </section>
  );
}
