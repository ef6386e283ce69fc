import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { components, paths } from "@lichess-org/types";
import createClient, { type Client } from "openapi-fetch";
import { Node } from "./node.js";

let node: Node;

before(async () => {
  node = await Node.start();
});

after(async () => {
  await node?.stop();
});

/** The app's client: its headers take the place of those that openapi-fetch would send, and it sends an Origin. */
function appClient(origin: string, token?: string, more: Record<string, string> = {}): Client<paths> {
  const headers = new Headers({ "User-Agent": "Lichess Broadcaster/0.33.2 os:linux as:chessrelay", Origin: origin, ...more });
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return createClient<paths>({ baseUrl: node.url, fetch: (request: Request) => fetch(request, { headers }) });
}

/** The log-in, with the part of the browser: it goes to the page and is sent back with the code. */
async function logIn(origin: string): Promise<string> {
  const verifier = randomBytes(64).toString("base64url");
  const redirect = "http://localhost:8123";
  const query: paths["/oauth"]["get"]["parameters"]["query"] = {
    response_type: "code",
    client_id: "org.lichess.broadcaster",
    redirect_uri: redirect,
    code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    scope: "study:read study:write",
  };
  const page = await fetch(`${node.url}/oauth?${new URLSearchParams(query as Record<string, string>)}`, {
    redirect: "manual",
    headers: { "Sec-Fetch-Mode": "navigate" },
  });
  const code = new URL(page.headers.get("Location") ?? "http://nowhere").searchParams.get("code");
  assert.ok(code, `the log-in is answered ${page.status}`);
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const granted = await appClient(origin, undefined, headers).POST("/api/token", {
    body: { grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: redirect, client_id: "org.lichess.broadcaster" },
    headers,
  });
  assert.ok(granted.data, JSON.stringify(granted.error));
  const elevenMonths = new Date();
  elevenMonths.setMonth(elevenMonths.getMonth() + 11);
  assert.ok(Date.now() + granted.data.expires_in * 1000 > elevenMonths.getTime(), "the app would think that it is logged out");
  return granted.data.access_token;
}

/** What came, or the test fails. */
function got<T>(answer: { data?: T; error?: unknown; response: Response }): NonNullable<T> {
  assert.ok(answer.data, `${answer.response.url}: ${answer.response.status} ${JSON.stringify(answer.error)}`);
  return answer.data;
}

const form = { "Content-Type": "application/x-www-form-urlencoded" };
const text = { bodySerializer: (body: unknown) => body as string };

for (const origin of ["null", "tauri://localhost", "https://tauri.localhost"]) {
  test(`the app broadcasts from ${origin}`, async () => {
    const token = await logIn(origin);
    const app = appClient(origin, token);
    assert.equal(got(await app.GET("/api/account")).username, "chessrelay");
    assert.equal(got(await app.GET("/api/user/{username}", { params: { path: { username: "chessrelay" } } })).username, "chessrelay");

    // The app makes nothing itself, but others that are generated from the schemas do: as a form, and as JSON.
    const made = got(
      await createClient<paths>({ baseUrl: node.url }).POST("/broadcast/new", {
        body: { name: `Open ${origin}`, info: { location: "Oslo", tc: "90 min + 30 sec" }, tiebreaks: ["BH-C1", "SB"], visibility: "public" },
      }),
    );
    const tid = made.tour.id;
    const path = { broadcastTournamentId: tid };
    const created = got(
      await createClient<paths>({ baseUrl: node.url }).POST("/broadcast/{broadcastTournamentId}/new", {
        params: { path },
        headers: form,
        body: { name: "Round 1", startsAt: 1795422600000, rated: false } as components["schemas"]["BroadcastRoundForm"],
      }),
    );
    const rid = created.round.id;
    assert.equal(created.round.rated, false);
    const edited = got(
      await createClient<paths>({ baseUrl: node.url }).POST("/broadcast/{broadcastTournamentId}/edit", { params: { path }, body: { name: "City Open" } }),
    );
    assert.equal(edited.ok, true);

    const shown = got(await app.GET("/api/broadcast/by/{username}", { params: { path: { username: "chessrelay" }, query: { page: 1 } } }));
    const tour = shown.currentPageResults.find((one) => one.tour.id === tid)?.tour;
    assert.deepEqual([tour?.name, tour?.dates], ["City Open", [1795422600000]]);
    got(await app.GET("/api/broadcast/by/{username}", { params: { path: { username: "broadcaster" } } }));
    const rounds = got(await app.GET("/api/broadcast/{broadcastTournamentId}", { params: { path } }));
    assert.deepEqual([rounds.rounds[0]?.id, rounds.defaultRoundId], [rid, rid]);

    const roundPath = { broadcastTournamentSlug: "-", broadcastRoundSlug: "-", broadcastRoundId: rid };
    const roundOf = async (client: Client<paths>) =>
      got(await client.GET("/api/broadcast/{broadcastTournamentSlug}/{broadcastRoundSlug}/{broadcastRoundId}", { params: { path: roundPath } }));
    assert.equal((await roundOf(app)).study.writeable, true);
    const stranger = appClient(origin);
    assert.equal((await roundOf(stranger)).study.writeable, false);

    const push = (client: Client<paths>, pgn: string) =>
      client.POST("/api/broadcast/round/{broadcastRoundId}/push", { params: { path: { broadcastRoundId: rid } }, body: pgn, ...text });
    const game = (white: string, black: string, moves: string) => `[Event "Open"]\n[White "${white}"]\n[Black "${black}"]\n[WhiteElo "2400"]\n\n${moves}`;
    const plain = { "Content-Type": "text/plain" };
    assert.equal((await push(appClient(origin, undefined, plain), game("X", "Y", "1. e4 *"))).response.status, 403);
    for (const moves of ["1. e4 *", "1. e4 e5 *", "1. e4 e5 2. Nf3 1-0"]) {
      const pushed = got(await push(appClient(origin, token, plain), `${game("A", "B", moves)}\n\n${game("C", "D", "1. d4 d4 *")}`));
      assert.equal(pushed.games[0]?.error, undefined);
      assert.equal(pushed.games[0]?.tags.White, "A");
      assert.ok(pushed.games[1]?.error, "an illegal move is told");
    }
    const after = await roundOf(app);
    assert.deepEqual(after.games.map((g) => g.status), ["1-0", "*"]);
    assert.equal(after.games[0]?.lastMove, "g1f3");
    assert.equal(new URL(after.round.url).pathname.split("/").length, 5, "the app opens /broadcast/:ts/:rs/:id");

    const players = got(await app.GET("/broadcast/{broadcastTournamentId}/players", { params: { path } }));
    assert.deepEqual([players[0]?.name, players[0]?.score, players[0]?.tiebreaks?.[0]?.extendedCode], ["A", 1, "BH-C1"]);
    const one = got(await app.GET("/broadcast/{broadcastTournamentId}/players/{playerId}", { params: { path: { ...path, playerId: "A" } } }));
    assert.deepEqual([one.games?.[0]?.points, one.games?.[0]?.color], ["1", "white"]);
    assert.deepEqual(got(await app.GET("/broadcast/{broadcastTournamentId}/teams/standings", { params: { path } })), []);
    const top = got(await app.GET("/api/broadcast/top", {}));
    assert.ok(top.active?.some((t) => t.tour?.id === tid));
    const found = got(await app.GET("/api/broadcast/search", { params: { query: { q: "city oslo" } } }));
    assert.ok(found.currentPageResults.some((t) => t.tour?.id === tid));
    const official = await app.GET("/api/broadcast", { parseAs: "text" });
    assert.ok(got(official).trim().split("\n").map((line) => JSON.parse(line) as components["schemas"]["BroadcastWithRounds"]).some((t) => t.tour.id === tid));
    const mine = await app.GET("/api/broadcast/my-rounds", { parseAs: "text" });
    assert.ok(got(mine).trim().split("\n").map((line) => JSON.parse(line) as components["schemas"]["BroadcastMyRound"]).some((r) => r.round.id === rid));
    const pgn = got(await app.GET("/api/broadcast/round/{broadcastRoundId}.pgn", { params: { path: { broadcastRoundId: rid } }, parseAs: "text" }));
    assert.match(pgn, /1\. e4 e5 2\. Nf3 1-0/);

    const abort = new AbortController();
    const stream = await app.GET("/api/stream/broadcast/tour/{broadcastTourId}.pgn", {
      params: { path: { broadcastTourId: tid } },
      parseAs: "stream",
      signal: abort.signal,
    });
    let seen = "";
    for await (const chunk of got(stream) as unknown as AsyncIterable<Uint8Array>) {
      seen += Buffer.from(chunk).toString();
      if (seen.includes('[White "A"]') && seen.includes('[White "C"]')) break;
    }
    abort.abort();

    const finished = got(
      await createClient<paths>({ baseUrl: node.url }).POST("/broadcast/round/{broadcastRoundId}/edit", {
        params: { path: { broadcastRoundId: rid }, query: { patch: true } },
        body: { name: "Round 1", status: "finished" } as components["schemas"]["BroadcastRoundForm"],
      }),
    );
    assert.ok(finished.round.finishedAt, "the app shows a tick by it");
    assert.deepEqual(finished.photos, {});
    assert.equal(got(await app.POST("/api/broadcast/round/{broadcastRoundId}/reset", { params: { path: { broadcastRoundId: rid } } })).ok, true);
    assert.equal((await app.DELETE("/api/token")).response.status, 204);
  });
}
