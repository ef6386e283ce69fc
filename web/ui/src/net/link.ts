/**
 * A viewing link has a viewer's token behind its #: `/round/RID#view=TOKEN`. It is shown to the node with each request of this tab,
 * and kept for as long as the tab is there.
 */
const key = "chessrelay.view";
let token: string | undefined;

/** Takes the token of a link that was opened, or of one before it in this tab. Reports whether it is another one than before. */
export function openLink(hash: string): boolean {
  const shown = /^#view=([\w-]{1,200})$/.exec(hash)?.[1];
  const before = token;
  try {
    if (shown !== undefined) sessionStorage.setItem(key, shown);
    token = shown ?? sessionStorage.getItem(key) ?? undefined;
  } catch {
    token = shown ?? token; // a browser that keeps nothing for us
  }
  return token !== before;
}

/** Forgets the token, which no longer holds, so that a reload shows what everybody sees. */
export function closeLink(): void {
  token = undefined;
  try {
    sessionStorage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
  history.replaceState(history.state, "", location.pathname);
}

/** The token; undefined of the public. */
export function viewToken(): string | undefined {
  return token;
}

/** The address with the token in it, where no header can be sent. */
export function withToken(url: string): string {
  if (token === undefined) return url;
  return `${url}${url.includes("?") ? "&" : "?"}access_token=${encodeURIComponent(token)}`;
}
