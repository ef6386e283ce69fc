import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf } from "../src/model/route.ts";

test("addresses and their pages", () => {
  const cases: [string, object][] = [
    ["/", { page: "tournaments" }],
    ["/cluster", { page: "cluster" }],
    ["/tournament/X4PKuVsC", { page: "tournament", id: "X4PKuVsC" }],
    ["/round/0clOvgby/", { page: "round", id: "0clOvgby", tab: "boards" }],
    ["/round/0clOvgby/standings", { page: "round", id: "0clOvgby", tab: "standings" }],
    ["/round/0clOvgby/moves/", { page: "round", id: "0clOvgby", tab: "moves" }],
    ["/round/0clOvgby/info", { page: "round", id: "0clOvgby", tab: "info" }],
    ["/round/0clOvgby/other", { page: "missing" }],
    ["/round/0clOvgby/12", { page: "board", id: "0clOvgby", board: 12 }],
    ["/round/0clOvgby/0", { page: "missing" }],
    ["/broadcast", { page: "tournaments" }],
    ["/broadcast/by/chessrelay", { page: "tournaments" }],
    ["/broadcast/city-open/X4PKuVsC", { page: "tournament", id: "X4PKuVsC" }],
    ["/broadcast/city-open/round-1/0clOvgby", { page: "round", id: "0clOvgby", tab: "boards" }],
    ["/broadcast/-/-/0clOvgby", { page: "round", id: "0clOvgby", tab: "boards" }],
    ["/broadcast/city-open/X4PKuVsC1", { page: "missing" }],
    ["/elsewhere", { page: "missing" }],
  ];
  for (const [path, want] of cases) assert.deepEqual(routeOf(path), want, path);
});
