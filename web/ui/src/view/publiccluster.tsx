import type { PublicCluster } from "../model/wire.ts";

/** The nodes as the public sees them: names, roles, and the nodes whose boards are stale. */
export function PublicClusterView({ cluster: c }: { readonly cluster: PublicCluster }) {
  return (
    <div class="cluster" data-public="" data-leader={c.leader || undefined}>
      <header class="head">
        <div>
          <p class="crumbs">
            <a href="/">Tournaments</a>
          </p>
          <h1>The nodes</h1>
        </div>
        <p class="meta">
          <span>as {c.node} sees it</span>
        </p>
      </header>
      <p class={c.leader === "" || c.stale ? "notice" : "well quiet"}>
        {c.leader === ""
          ? "Nobody leads at the moment. The boards stay; moves are recorded again as soon as a majority has agreed on a leader."
          : `${c.leader} leads. ${c.node}${c.role === "edge" ? ", an edge," : ""} ${c.stale ? "has heard nothing new for a while, so its boards may be out of date." : "is up to date."}`}
      </p>
      <div class="lanes" hidden={c.members.length === 0}>
        <table role="table">
          <caption class="hidden">The nodes, and whether their boards are up to date</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">
                Node
              </th>
              <th role="columnheader" scope="col">
                Boards
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {c.members.map((m) => (
              <tr key={m.name} role="row" class="lane" data-member={m.name} data-stale={m.stale}>
                <th role="rowheader" scope="row">
                  <span class="node">
                    {m.name}
                    {m.name === c.node && <span class="here">this node</span>}
                  </span>
                  <span class="kind">{m.role}</span>
                </th>
                <td role="cell" class="log">
                  <span class="words">{m.stale === undefined ? "Only the leader knows." : m.stale ? "Out of date." : "Up to date."}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="legend quiet">Operators see how far each node is: on the node’s own machine, at its port for operators, or with an admin’s token.</p>
    </div>
  );
}
