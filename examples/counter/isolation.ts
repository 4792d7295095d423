/** State goes one way: what the flow writes to a running work stays in the flow. */
import { setTimeout as sleep } from 'node:timers/promises';
import { App, Flow, Work } from 'stormkite';

const TICK_MS = 250;
const LAST = 10;

export class WorkCounter extends Work {
  counter = 0;

  constructor() {
    super({ parallel: true });
  }

  async run() {
    while (!this.signal.aborted) {
      await sleep(TICK_MS);
      console.log(`Work ${this.counter}`);
    }
  }
}

export class Root extends Flow {
  w = new WorkCounter();

  async run() {
    this.w.run();
    await sleep(TICK_MS);
    console.log(`Flow ${this.w.counter}`);
    if (this.w.counter === LAST) this.stop();
    this.w.counter += 1;
  }
}

export default new App(new Root());
