/** Calls with different arguments queue behind one another and run in order, each once. */
import { App, Flow, Work } from 'stormkite';

export class Adder extends Work {
  order: number[] = [];
  constructor() {
    super({ parallel: true });
  }
  run(n: number) {
    this.order.push(n);
  }
}

export class Root extends Flow {
  adder = new Adder();
  run() {
    for (let n = 0; n < 20; n += 1) this.adder.run(n);
    if (this.adder.numSuccesses === 20) this.stop(this.adder.order.join(' '));
  }
}

export default new App(new Root());
