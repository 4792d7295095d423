/**
 * Trains four classifiers of Fisher's iris flowers side by side, serves the best one over HTTP, and asks it.
 * With `SERVE=1` in the environment it goes on serving.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { App, Dict, Flow, Work } from 'stormkite';
import { readFlowers, split, type Flower, type Split } from './data.ts';
import { accuracyOf, fit, lossOf, predict, type Model } from './model.ts';
import { ask, report, toSizes, type Answer } from './report.ts';

const SEED = 1936;
const EPOCHS = 2_000;
/** A line of progress is printed at every such share of the epochs. */
const PROGRESS_STEP = EPOCHS / 4;
const SERVE = process.env['SERVE'] === '1';

/** Reads the data set. Not parallel: the flow goes no further before it is done. */
export class Load extends Work {
  parts: Split = { train: [], validation: [], test: [] };

  async run(seed: number) {
    this.parts = split(await readFlowers(), seed);
  }
}

/** Trains one candidate in a process of its own. Its public fields stream to the flow while it trains. */
export class Train extends Work<{ hidden: number[]; rate: number }> {
  epoch = 0;
  loss: number | null = null;
  validationLoss: number | null = null;
  accuracy: number | null = null;
  model: Model | null = null;

  constructor(props: { hidden: number[]; rate: number }) {
    super({ parallel: true, ...props });
  }

  run(train: Flower[], validation: Flower[]) {
    for (const { epoch, loss, model } of fit(train, {
      ...this.props,
      epochs: EPOCHS,
      seed: SEED,
    })) {
      this.epoch = epoch;
      this.loss = loss;
      if (epoch < EPOCHS) continue;
      this.accuracy = accuracyOf(model, validation);
      this.validationLoss = lossOf(model, validation);
      this.model = model;
    }
  }
}

/** Answers `GET /?sizes=5.1,3.5,1.4,0.2` until it is stopped. `port` is a free one; the flow sees `url` once it answers. */
export class Serve extends Work {
  constructor() {
    super({ parallel: true });
  }

  async run(model: Model) {
    const server = createServer((request, response) => {
      const sizes = toSizes(request.url);
      response.writeHead(sizes ? 200 : 400, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          sizes ? predict(model, sizes) : { error: 'give four sizes: /?sizes=5.1,3.5,1.4,0.2' },
        ),
      );
    });
    server.listen({ port: this.port, host: this.host, signal: this.signal });
    await once(server, 'close');
  }
}

export class Pipeline extends Flow {
  load = new Load();
  trainers = new Dict<Train>({
    cautious: new Train({ hidden: [], rate: 0.001 }),
    linear: new Train({ hidden: [], rate: 0.01 }),
    small: new Train({ hidden: [4], rate: 0.01 }),
    large: new Train({ hidden: [16], rate: 0.1 }),
  });
  serve = new Serve();
  progress: Record<string, number> = {};
  chosen: { name: string; model: Model } | null = null;
  answers: Answer[] = [];

  /** Runs again whenever anything changes, so it only ever asks for what should be; nothing here happens twice. */
  async run() {
    this.load.run(SEED);
    const { train, validation, test } = this.load.parts;
    for (const [name, trainer] of this.trainers) {
      trainer.run(train, validation);
      this.showProgress(name, trainer);
    }
    this.chosen ??= this.choose();
    if (this.chosen === null) return;

    this.load.stop();
    this.stopWorks(Object.values(this.trainers));
    this.serve.run(this.chosen.model);
    if (this.serve.url === '') return;

    if (this.answers.length === 0) {
      this.answers = await Promise.all(test.map((flower) => ask(this.serve.url, flower)));
      console.log(report(this.trainers, this.chosen.name, this.answers, this.serve.url));
    }
    if (!SERVE) this.stop();
  }

  /** The most accurate candidate, and of several the surest; `null` until all have ended. */
  choose() {
    const trainers = [...this.trainers];
    if (!trainers.every(([, { hasSucceeded }]) => hasSucceeded)) return null;
    const ranked = trainers.toSorted(
      ([, a], [, b]) =>
        (b.accuracy ?? 0) - (a.accuracy ?? 0) || (a.validationLoss ?? 0) - (b.validationLoss ?? 0),
    );
    const [name, best] = ranked[0] ?? [];
    return name && best?.model ? { name, model: best.model } : null;
  }

  showProgress(name: string, { epoch, loss }: Train) {
    const steps = Math.floor(epoch / PROGRESS_STEP);
    if (steps <= (this.progress[name] ?? 0)) return;
    this.progress[name] = steps;
    console.log(
      `${name.padEnd(8)}  epoch ${String(epoch).padStart(4)} of ${EPOCHS}  loss ${loss?.toFixed(4)}`,
    );
  }
}

export default new App(new Pipeline(), {
  info: {
    title: 'Iris',
    description: 'Trains four classifiers in parallel and serves the best one',
  },
});
