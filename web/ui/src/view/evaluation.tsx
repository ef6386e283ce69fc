import { score, share } from "../model/evaluation.ts";
import { written } from "../model/san.ts";
import type { Evaluation } from "../model/wire.ts";
import { t } from "../text/text.ts";
import { Graph } from "./graph.tsx";
import { Pure } from "./pure.ts";

/** What an engine thinks of the position on show: a thin bar, a number, and the best line on demand. */
export function EvaluationBar({ evaluation: e, figurines }: { evaluation: Evaluation; figurines: boolean }) {
  return (
    <details class="evaluation">
      <summary>
        <span class="bar" role="img" aria-label={t("evaluationIs", { score: score(e) })}>
          <span style={{ width: `${(share(e) * 100).toFixed(1)}%` }} />
        </span>
        <b class="score" aria-hidden="true">
          {score(e)}
        </b>
      </summary>
      <p class="line quiet">
        {e.pv.map((san) => written(san, figurines)).join(" ")} <span>({t("depth", { n: e.depth })})</span>
      </p>
    </details>
  );
}

const width = 320;
const height = 90;

interface GraphProps {
  readonly evaluations: readonly Evaluation[];
  readonly plies: number;
  readonly ply: number;
  readonly onGo: (ply: number) => void;
}

/** White's advantage over the whole game. */
export class Advantage extends Pure<GraphProps> {
  override render({ evaluations, plies, ply, onGo }: GraphProps) {
    const last = Math.max(1, plies);
    const x = (p: number) => (p / last) * width;
    const points = evaluations.map((e) => `${x(e.ply).toFixed(1)} ${(height * (1 - share(e))).toFixed(1)}`);
    return (
      <div class="clock-graph advantage pad">
        <Graph label={t("advantage")} width={width} height={height} plies={plies} ply={ply} onGo={onGo}>
          <path class="base" d={`M0 ${height / 2}H${width}`} />
          <path class="white" d={`M${points.join("L")}`} />
        </Graph>
        <p class="legend quiet">{t("advantage")}</p>
      </div>
    );
  }
}
