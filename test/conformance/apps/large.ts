/** Values far larger than what a message or an item of a table holds. */
import { createHash } from 'node:crypto';
import { App, Flow, Work } from 'stormkite';

export class Big extends Work {
  text = '';
  rows: { id: number; name: string }[] = [];
  parts: string[] = [];
  constructor() {
    super({ parallel: true });
  }
  run() {
    this.text = 'é€x'.repeat(300_000);
    this.rows = Array.from({ length: 30_000 }, (_, id) => ({ id, name: `row ${id}` }));
    for (let i = 0; i < 5; i += 1) this.parts.push(String(i).repeat(450_000));
  }
}

export class Root extends Flow {
  big = new Big();
  digest = '';
  run() {
    this.big.run();
    if (!this.big.hasSucceeded) return;
    const { text, rows, parts } = this.big;
    this.digest = createHash('sha256')
      .update(JSON.stringify([text, rows, parts]))
      .digest('hex')
      .slice(0, 16);
    this.stop(`${text.length} ${rows.length} ${parts.length} ${this.digest}`);
  }
}

export default new App(new Root());
