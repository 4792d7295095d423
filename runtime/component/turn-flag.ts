/** Whether a flow's turn is under way in this process; set by the loop around `root.run()`. */
let activeTurns = 0;

export function isTurnActive(): boolean {
  return activeTurns > 0;
}

/** Marks a turn as under way; returns what ends it. */
export function beginTurn(): () => void {
  activeTurns += 1;
  let open = true;
  return () => {
    if (open) activeTurns -= 1;
    open = false;
  };
}
