/** A work counts as fast as it can; the flow prints what it sees of it. */
import { App, Flow, Work } from 'stormkite';

const INCREMENTS = 10_000_000;

export class WorkCounter extends Work {
  counter = 0;

  constructor() {
    super({ parallel: true });
  }

  run() {
    for (let i = 0; i < INCREMENTS; i += 1) this.counter += 1;
  }
}

export class Root extends Flow {
  w = new WorkCounter();

  run() {
    this.w.run();
    console.log(this.w.counter);
    if (this.w.hasSucceeded) this.stop();
  }
}

export default new App(new Root());
