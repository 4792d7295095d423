/** Ten million increments a round: of a plain field, then of a tracked one that a flow watches. */
import { App, Flow, Work } from 'stormkite';

const WRITES = 10_000_000;
const ROUNDS = 5;

export class Counter extends Work {
  counter = 0;
  #plain = { counter: 0 };

  run(round: number) {
    const plain = (this.#plain = { counter: 0 });
    const plainAtMs = now();
    for (let i = 0; i < WRITES; i += 1) plain.counter += 1;
    const plainMs = now() - plainAtMs;
    this.counter = 0;
    const before = process.cpuUsage();
    const startedAtMs = now();
    for (let i = 0; i < WRITES; i += 1) this.counter += 1;
    const endedAtMs = now();
    const { user, system } = process.cpuUsage(before);
    const cpuMs = (user + system) / 1_000;
    console.log(
      `work ${JSON.stringify({ round, plainMs, startedAtMs, endedAtMs, cpuMs, sum: this.#plain.counter })}`,
    );
  }
}

export class Root extends Flow {
  work = new Counter({ parallel: true });
  round = 1;
  #seen: { atMs: number; value: number }[] = [];

  run() {
    this.work.run(this.round);
    const { counter } = this.work;
    if (this.#seen.at(-1)?.value !== counter) this.#seen.push({ atMs: now(), value: counter });
    if (this.work.numSuccesses < this.round) return;
    console.log(`flow ${JSON.stringify(this.#seen)}`);
    this.#seen = [];
    if (this.round < ROUNDS) this.round += 1;
  }
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export default new App(new Root());
