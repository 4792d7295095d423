/** The flow decides that the app has failed. */
import { App, Flow, Work } from 'stormkite';

export class Check extends Work {
  good = true;
  run() {
    this.good = false;
  }
}

export class Root extends Flow {
  check = new Check();
  run() {
    this.check.run();
    if (!this.check.good) this.fail('the check found something');
  }
}

export default new App(new Root());
