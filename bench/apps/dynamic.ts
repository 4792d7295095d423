/** Attaches a work for each number that a client asks for, and removes the one before. */
import { App, Dict, Flow, Work } from 'stormkite';

export class Extra extends Work {
  constructor() {
    super({ parallel: true });
  }

  run(number: number) {
    console.log(`first ${JSON.stringify({ number })}`);
  }
}

export class Root extends Flow {
  extra = new Dict<Extra>();
  wanted = 0;

  run() {
    const { wanted } = this;
    if (wanted === 0) return;
    const key = `n${wanted}`;
    if (!(key in this.extra)) {
      console.log(`attached ${JSON.stringify({ number: wanted })}`);
      this.extra[key] = new Extra();
    }
    this.extra[key]?.run(wanted);
    const before = `n${wanted - 1}`;
    if (before in this.extra) delete this.extra[before];
  }
}

export default new App(new Root(), { works: [Extra] });
