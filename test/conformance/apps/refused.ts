/** A value that state does not take fails the call where it is assigned. */
import { App, Flow, Work } from 'stormkite';

export class Returns extends Work {
  constructor() {
    super({ raiseException: false });
  }
  // @ts-expect-error -- a work returns nothing
  run() {
    return 42;
  }
}

export class Assigns extends Work {
  when: unknown = null;
  constructor() {
    super({ raiseException: false });
  }
  run() {
    this.when = new Date(0);
  }
}

export class Root extends Flow {
  returns = new Returns();
  assigns = new Assigns();
  run() {
    this.returns.run();
    this.assigns.run();
    this.stop(`${this.returns.status.reason} ${this.assigns.status.reason}`);
  }
}

export default new App(new Root());
