/** A work that writes the time into a field; the flow looks how old it is when it sees it. A client asks for each round. */
import { setTimeout as sleep } from 'node:timers/promises';
import { App, Flow, Work } from 'stormkite';

const CHANGES = 600;
const SPACING_MS = 5;

export class Writer extends Work {
  writtenAtMs = 0;

  async run(_round: number) {
    for (let i = 0; i < CHANGES; i += 1) {
      await sleep(SPACING_MS);
      this.writtenAtMs = now();
    }
  }
}

export class Root extends Flow {
  writer = new Writer({ parallel: true });
  round = 0;
  #last = 0;
  #agesMs: number[] = [];

  async run() {
    const seenAtMs = now();
    const { writtenAtMs } = this.writer;
    if (writtenAtMs !== this.#last) this.#agesMs.push(seenAtMs - writtenAtMs);
    this.#last = writtenAtMs;
    if (this.round === 0) return;
    await this.writer.run(this.round);
    if (this.writer.numSuccesses < this.round || this.#agesMs.length === 0) return;
    console.log(`ages ${JSON.stringify(this.#agesMs)}`);
    this.#agesMs = [];
  }
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export default new App(new Root());
