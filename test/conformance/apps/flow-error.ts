/** An error of the flow's own code fails the app and ends its works. */
import { App, Flow, Work } from 'stormkite';

export class Idle extends Work {
  begun = false;
  constructor() {
    super({ parallel: true });
  }
  async run() {
    this.begun = true;
    await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()));
  }
}

export class Root extends Flow {
  idle = new Idle();
  run() {
    this.idle.run();
    if (this.idle.begun) throw new TypeError('a bug');
  }
}

export default new App(new Root());
