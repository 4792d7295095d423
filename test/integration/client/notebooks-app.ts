/** An app with everything that a client may meet. */
import { Dict, Flow, List, Work } from 'stormkite';

export class Notebook extends Work<{ gpu?: boolean }> {
  token: string | null = null;
  cells = 0;

  constructor(props: { gpu?: boolean } = {}) {
    super({ parallel: true, raiseException: false, startWithFlow: false, ...props });
  }

  run(): void {}
}

export class Team extends Flow {
  members: string[] = [];
  lead = new Notebook();

  run(): void {}
}

export interface Request {
  name: string;
  stop: boolean;
  tags?: string[];
}

export class Notebooks extends Flow {
  requests: Request[] = [];
  log: number[] = [];
  n = 0;
  config = { lr: 0.1, layers: [8, 8] };
  mode: 'fast' | 'slow' = 'fast';
  note?: string;
  train = new Notebook();
  later?: Notebook;
  team = new Team();
  extra = new Dict<Notebook>();
  steps = new List<Notebook>([new Notebook()]);

  run(): void {
    for (const { name } of this.requests) this.extra[name] ??= new Notebook();
  }
}
