import type { VNode } from "preact";
import type { Condition } from "../model/status.ts";

/** A controller: it holds the state of what is shown, and asks for a redraw when that changes. Views are pure functions of it. */
export interface Page {
  /** Begins to load and to listen. Called once. */
  open(): void;
  /** Ends everything that open began. */
  close(): void;
  title(): string;
  view(): VNode;
  /** Only of pages that are live. */
  condition?(): { readonly condition: Condition; readonly spectators?: number } | undefined;
  key?(event: KeyboardEvent): void;
  /** Becomes the page of another address, if it can, without beginning anew. */
  turn?(path: string): boolean;
}

/** What a page needs from the shell around it. */
export interface Shell {
  redraw(): void;
  /** Says something to those who listen to the page instead of looking at it. */
  announce(text: string): void;
}

/** Our clock: milliseconds, and only forward, whatever is done to the computer's time of day. */
export function local(): number {
  return performance.now();
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
