/** The page that an address of ours shows. */
export type Route =
  | { readonly page: "tournaments" | "cluster" | "missing" }
  | { readonly page: "tournament"; readonly id: string }
  | { readonly page: "round"; readonly id: string; readonly tab: "boards" | "standings" | "moves" | "info" }
  | { readonly page: "board"; readonly id: string; readonly board: number };

const id = "([A-Za-z0-9]{8})";

/**
 * Lichess's addresses show the same pages as ours: its broadcaster app accepts them when a user
 * copies them from the address bar. The slugs mean nothing.
 */
const routes: readonly (readonly [RegExp, (m: RegExpExecArray) => Route])[] = [
  [/^\/$/, () => ({ page: "tournaments" })],
  [/^\/cluster\/?$/, () => ({ page: "cluster" })],
  [/^\/tournament\/([A-Za-z0-9]+)\/?$/, (m) => ({ page: "tournament", id: m[1]! })],
  [/^\/round\/([A-Za-z0-9]+)\/([1-9]\d{0,4})\/?$/, (m) => ({ page: "board", id: m[1]!, board: Number(m[2]) })],
  [/^\/round\/([A-Za-z0-9]+)\/?$/, (m) => ({ page: "round", id: m[1]!, tab: "boards" })],
  [/^\/round\/([A-Za-z0-9]+)\/(standings|moves|info)\/?$/, (m) => ({ page: "round", id: m[1]!, tab: m[2] as "standings" })],
  [/^\/broadcast(\/by\/[^/]+)?\/?$/, () => ({ page: "tournaments" })],
  [new RegExp(`^/broadcast/[^/]+/${id}/?$`), (m) => ({ page: "tournament", id: m[1]! })],
  [new RegExp(`^/broadcast/[^/]+/[^/]+/${id}/?$`), (m) => ({ page: "round", id: m[1]!, tab: "boards" })],
];

export function routeOf(path: string): Route {
  for (const [pattern, route] of routes) {
    const m = pattern.exec(path);
    if (m) return route(m);
  }
  return { page: "missing" };
}
