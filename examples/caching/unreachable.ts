/** Neither parallel nor cached: the work runs again and again, and the flow never gets past it. */
import { App, Flow, Work } from 'stormkite';

export class Again extends Work {
  runs = 0;

  constructor() {
    super({ cacheCalls: false, parallel: false });
  }

  run() {
    this.runs += 1;
    console.log(`run ${this.runs}`);
  }
}

export class Root extends Flow {
  work = new Again();

  run() {
    console.log('HERE BEFORE');
    this.work.run();
    console.log('HERE AFTER');
  }
}

export default new App(new Root());
