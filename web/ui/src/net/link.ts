/**
 * A viewing link has a viewer's token behind its #: `/round/RID#view=TOKEN`. Each request of this
 * tab sends it to the node, and the tab keeps it until it is closed.
 */
const key = "chessrelay.view";
let token: string | undefined;

/**
 * Takes the token of the opened link, or of an earlier one in this tab. Reports whether the token
 * changed.
 */
export function openLink(hash: string): boolean {
  const shown = /^#view=([\w-]{1,200})$/.exec(hash)?.[1];
  const before = token;
  try {
    if (shown !== undefined) sessionStorage.setItem(key, shown);
    token = shown ?? sessionStorage.getItem(key) ?? undefined;
  } catch {
    token = shown ?? token; // the browser stores nothing for us
  }
  return token !== before;
}

/** Forgets the token, which is no longer valid. A reload then shows what everybody sees. */
export function closeLink(): void {
  token = undefined;
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Nothing was stored.
  }
  history.replaceState(history.state, "", location.pathname);
}

/** The token; undefined for the public. */
export function viewToken(): string | undefined {
  return token;
}

/** The address with the token in it, for requests that cannot send a header. */
export function withToken(url: string): string {
  if (token === undefined) return url;
  return `${url}${url.includes("?") ? "&" : "?"}access_token=${encodeURIComponent(token)}`;
}
