import type { VNode } from "preact";
import type { Condition } from "../model/status.ts";

/**
 * A controller holds the state of a page, and asks for a redraw when that changes. Views are pure
 * functions of it.
 */
export interface Page {
  /** Begins to load and to listen. Called once. */
  open(): void;
  /** Ends everything that open began. */
  close(): void;
  title(): string;
  view(): VNode;
  /** What stays on top: the event that the page belongs to. */
  bar?(): VNode | undefined;
  /** Only for live pages. */
  condition?(): { readonly condition: Condition; readonly spectators?: number } | undefined;
  key?(event: KeyboardEvent): void;
  /** Becomes the page of another address, if it can, without a new start. */
  turn?(path: string): boolean;
}

/** What a page needs from the shell around it. */
export interface Shell {
  redraw(): void;
  /** Goes to another page of ours. */
  go(path: string): void;
  /** Announces something to users of screen readers. */
  announce(text: string): void;
}

/** Our monotonic clock, in milliseconds, independent of the computer's time of day. */
export function local(): number {
  return performance.now();
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
