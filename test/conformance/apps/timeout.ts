/** A call that takes too long is timed out, and the next one runs. */
import { App, Flow, Work } from 'stormkite';

export class Slow extends Work {
  quick = 0;
  constructor() {
    super({ parallel: true, timeout: 300, raiseException: false });
  }
  async run(kind: string) {
    if (kind === 'quick') {
      this.quick += 1;
      return;
    }
    await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()));
  }
}

export class Root extends Flow {
  slow = new Slow();
  timeouts = 0;
  run() {
    this.slow.run('for ever');
    this.slow.run('quick');
    this.timeouts = Math.max(this.timeouts, this.slow.numTimeouts);
    if (this.slow.numSuccesses === 1)
      this.stop(`timeouts ${this.timeouts}, quick ${this.slow.quick}`);
  }
}

export default new App(new Root());
