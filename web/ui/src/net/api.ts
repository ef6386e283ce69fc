import { divergedText } from "../model/status.ts";
import type { ClusterStatus, Evaluation, Game, Overview, PublicCluster, RoundWithGames, Standings, Tournament } from "../model/wire.ts";
import { viewToken, withToken } from "./link.ts";

/** A node's answer that was not 200. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** The resource was deleted. */
    readonly deleted = false,
    /** The node's boards have diverged from the others', so it shows none. */
    readonly diverged = false,
  ) {
    super(message);
  }
}

/** What an engine thinks of the plies of a game; empty if none works for this node. */
export async function evaluations(game: string, signal: AbortSignal): Promise<readonly Evaluation[]> {
  const answer = await get<{ evaluations?: Evaluation[] | null }>(`/api/games/${encodeURIComponent(game)}/evaluations`, signal);
  return answer.evaluations ?? [];
}

let elsewhere: string | undefined;

/** Asks another node from now on, while the page's own is lost; undefined: the page's own. */
export function askAt(node: string | undefined): void {
  elsewhere = node?.replace(/\/$/, "");
}

/** Whether the page's own node answers. */
export async function homeAnswers(): Promise<boolean> {
  return (await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(5000) })).ok;
}

async function get<T>(path: string, signal: AbortSignal): Promise<T> {
  const token = viewToken();
  // Another node takes no header of ours from this page, but the token in the address.
  const headers = { accept: "application/json", ...(token !== undefined && elsewhere === undefined && { authorization: `Bearer ${token}` }) };
  const response = await fetch(elsewhere === undefined ? path : withToken(elsewhere + path), { signal, headers });
  if (!response.ok) {
    const body = (await response.json().catch(() => ({}))) as { error?: string; code?: string; deletedAt?: number };
    // The node's own words are for operators.
    if (body.code === "diverged") throw new ApiError(response.status, divergedText, false, true);
    throw new ApiError(response.status, body.error ?? `The server answered ${response.status}.`, body.deletedAt !== undefined);
  }
  return (await response.json()) as T;
}

export async function overview(signal: AbortSignal): Promise<Overview> {
  const answer = await get<Partial<Overview>>("/api/overview", signal);
  return { live: answer.live ?? [], soon: answer.soon ?? [], finished: answer.finished ?? [] };
}

/** One page of the tournaments that have all words of the query. */
export interface Found {
  readonly tournaments: readonly Tournament[];
  /** The address of the next page. */
  readonly next?: string;
}

export async function find(query: string, signal: AbortSignal): Promise<Found> {
  return more(`/api/tournaments?limit=20&q=${encodeURIComponent(query)}`, signal);
}

export async function more(next: string, signal: AbortSignal): Promise<Found> {
  const answer = await get<{ tournaments?: Tournament[]; next?: string }>(next, signal);
  return { tournaments: answer.tournaments ?? [], next: answer.next };
}

export function tournament(id: string, signal: AbortSignal): Promise<Tournament> {
  return get(`/api/tournaments/${encodeURIComponent(id)}`, signal);
}

/** The browser caches the answer, and asks with its tag whether it has changed. */
export function standings(id: string, signal: AbortSignal): Promise<Standings> {
  return get(`/api/tournaments/${encodeURIComponent(id)}/standings`, signal);
}

export async function round(id: string, signal: AbortSignal): Promise<RoundWithGames> {
  const answer = await get<RoundWithGames>(`/api/rounds/${encodeURIComponent(id)}`, signal);
  return { ...answer, games: answer.games ?? [] };
}

export async function game(id: string, signal: AbortSignal): Promise<Game> {
  const answer = await get<Game>(`/api/games/${encodeURIComponent(id)}`, signal);
  return { ...answer, moves: answer.moves ?? [] };
}

export async function cluster(signal: AbortSignal): Promise<ClusterStatus | PublicCluster> {
  const answer = await get<ClusterStatus | PublicCluster>("/api/cluster", signal);
  if (answer.public) return answer;
  return { ...answer, members: answer.members ?? [] };
}

/** The address of the live stream of a round, or of one of its boards. */
export function liveUrl(round: string, board?: number, node: string = `${location.protocol}//${location.host}`): string {
  const base = `${node.replace(/^http/, "ws").replace(/\/$/, "")}/live?round=${encodeURIComponent(round)}&evaluations=1`;
  return withToken(board === undefined ? base : `${base}&boards=${board}`);
}
