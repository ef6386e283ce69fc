/**
 * Which ply the viewer looks at. A viewer who is at the end of the game follows it, and one who went back stays where
 * he is while the game goes on.
 */
export interface Step {
  /** The ply that is looked at; null follows the game. */
  readonly ply: number | null;
  /** The length of the game when the viewer left its end, to count what he has missed. */
  readonly left: number;
}

export const following: Step = { ply: null, left: 0 };

/** The ply that is shown of a game of `total` plies. */
export function shown(step: Step, total: number): number {
  return step.ply === null ? total : Math.min(step.ply, total);
}

/** How many plies came since the viewer went back. */
export function missed(step: Step, total: number): number {
  return step.ply === null ? 0 : Math.max(0, total - step.left);
}

/** To look at `ply`. At the end, the viewer follows again. */
export function goTo(step: Step, ply: number, total: number): Step {
  const to = Math.max(0, ply);
  if (to >= total) return following;
  return { ply: to, left: step.ply === null ? total : step.left };
}

/** By so many plies, forward or back. */
export function by(step: Step, plies: number, total: number): Step {
  return goTo(step, shown(step, total) + plies, total);
}

/** The step after the game changed to `total` plies: someone who looked at a ply that was taken back is at its new end. */
export function afterChange(step: Step, total: number): Step {
  if (step.ply === null) return step;
  if (step.ply >= total && step.left > total) return following;
  return step.left > total ? { ...step, left: total } : step;
}
