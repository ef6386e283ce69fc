import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { liveUrl } from "../src/net/api.ts";
import { closeLink, openLink, viewToken, withToken } from "../src/net/link.ts";

const kept = new Map<string, string>();
let address = "";
const storage = {
  setItem: (k: string, v: string) => void kept.set(k, v),
  getItem: (k: string) => kept.get(k) ?? null,
  removeItem: (k: string) => void kept.delete(k),
};
Object.assign(globalThis, {
  location: { pathname: "/round/round001", protocol: "https:", host: "club.example" },
  history: {
    state: null,
    replaceState: (_: unknown, __: string, to: string) => {
      address = to;
    },
  },
});

beforeEach(() => {
  Object.assign(globalThis, { sessionStorage: storage });
  kept.clear();
  openLink("");
});

test("a link's token is shown by this tab, also on its other pages", () => {
  assert.equal(viewToken(), undefined);
  assert.equal(liveUrl("r"), "wss://club.example/live?round=r&evaluations=1");
  assert.ok(openLink("#view=cr_abcdefgh_SECRET"));
  assert.equal(liveUrl("r", 3), "wss://club.example/live?round=r&evaluations=1&boards=3&access_token=cr_abcdefgh_SECRET");
  assert.equal(withToken("/api/rounds/r.pgn"), "/api/rounds/r.pgn?access_token=cr_abcdefgh_SECRET");
  assert.ok(!openLink("#main"), "a jump inside the page");
  assert.equal(viewToken(), "cr_abcdefgh_SECRET");
  assert.ok(openLink("#view=cr_another1_SECRET"), "another link");
});

test("other fragments are not links", () => {
  for (const hash of ["", "#view=", "#view=a b", "#view=<script>", `#view=${"x".repeat(201)}`]) assert.ok(!openLink(hash), hash);
});

test("a link that has ended is forgotten, in the address too", () => {
  openLink("#view=cr_abcdefgh_SECRET");
  closeLink();
  assert.equal(viewToken(), undefined);
  assert.equal(address, "/round/round001");
  openLink("");
  assert.equal(viewToken(), undefined);
});

test("without storage the link lasts as long as the page", () => {
  const fail = () => {
    throw new Error("SecurityError");
  };
  Object.assign(globalThis, { sessionStorage: { setItem: fail, getItem: fail, removeItem: fail } });
  openLink("#view=cr_abcdefgh_SECRET");
  openLink("#main");
  assert.equal(viewToken(), "cr_abcdefgh_SECRET");
  closeLink();
  assert.equal(viewToken(), undefined);
});
