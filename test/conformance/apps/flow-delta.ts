/** A work that overrides applyFlowDelta hears what the flow writes while it runs; another one does not. */
import { App, Flow, Work } from 'stormkite';

export class Listener extends Work {
  limit = 0;
  heard = 0;
  ready = false;
  constructor() {
    super({ parallel: true });
  }
  async run() {
    this.ready = true;
    while (this.limit === 0 && !this.signal.aborted)
      await new Promise((resolve) => setTimeout(resolve, 5));
    this.heard = this.limit;
  }
  override applyFlowDelta(delta: Parameters<Work['applyFlowDelta']>[0]) {
    super.applyFlowDelta(delta);
  }
}

export class Isolated extends Work {
  limit = 0;
  saw = -1;
  ready = false;
  constructor() {
    super({ parallel: true });
  }
  async run() {
    this.ready = true;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    this.saw = this.limit;
  }
}

export class Root extends Flow {
  listener = new Listener();
  isolated = new Isolated();
  run() {
    this.listener.run();
    this.isolated.run();
    if (this.listener.ready && this.listener.limit === 0) this.listener.limit = 7;
    if (this.isolated.ready && this.isolated.limit === 0) this.isolated.limit = 7;
    const { heard } = this.listener;
    if (this.listener.hasSucceeded && this.isolated.hasSucceeded)
      this.stop(`heard ${heard}, isolated saw ${this.isolated.saw}`);
  }
}

export default new App(new Root());
