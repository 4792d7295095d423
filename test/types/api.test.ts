import { describe, expectTypeOf, test } from 'vitest';
import { App, CloudCompute, Dict, Flow, List, Work } from 'stormkite';
import { testApp } from 'stormkite/testing';

class Train extends Work<{ lr?: number }> {
  loss: number | null = null;
  epoch = 0;
  #best = new Map<number, string>();
  constructor(props: { lr?: number } = {}) {
    super({ parallel: true, cloudCompute: new CloudCompute('gpu'), ...props });
  }
  async run(dataset: string) {
    for (this.epoch = 1; this.epoch <= 10; this.epoch += 1) {
      this.#best.set(this.epoch, dataset);
      this.loss = await Promise.resolve(this.signal.aborted ? 0 : this.epoch);
    }
  }
}

class Root extends Flow {
  train = new Train();
  extra = new Dict<Train>();
  list = new List<Train>([new Train()]);
  later?: Train;
  requests: { name: string; stop: boolean }[] = [];
  run() {
    this.train.run('s3://bucket/data');
    for (const r of this.requests) {
      const extra = (this.extra[r.name] ??= new Train());
      extra.run(r.name);
      if (r.stop) extra.stop();
    }
    this.later ??= new Train({ lr: 0.5 });
    if (this.train.hasSucceeded) this.train.stop();
  }
}

describe('types', () => {
  test("product.md's example compiles and keeps the user's types", () => {
    const app = new App(new Root());
    expectTypeOf(app.root).toEqualTypeOf<Root>();
    expectTypeOf(app.root.train.loss).toEqualTypeOf<number | null>();
    expectTypeOf(app.root.train.run).parameters.toEqualTypeOf<[dataset: string]>();
    expectTypeOf(app.root.train.props.lr).toEqualTypeOf<number | undefined>();
    expectTypeOf(app.root.train.port).toEqualTypeOf<number>();
  });

  test('a Dict and a List may lack a member', () => {
    const root = new Root();
    expectTypeOf(root.extra['x']).toEqualTypeOf<Train | undefined>();
    expectTypeOf(root.list[0]).toEqualTypeOf<Train | undefined>();
    for (const [key, work] of root.extra) {
      expectTypeOf(key).toEqualTypeOf<string>();
      expectTypeOf(work).toEqualTypeOf<Train>();
    }
    for (const work of root.list) expectTypeOf(work).toEqualTypeOf<Train>();
  });

  test('wrong arguments, props and return values do not compile', () => {
    const wrong = (root: Root): void => {
      // @ts-expect-error -- run takes a string
      root.train.run(1);
      // @ts-expect-error -- not a prop
      new Train({ rate: 1 });
      // @ts-expect-error -- members are works
      root.extra['x'] = 'text';
    };
    expectTypeOf(wrong).toBeFunction();
    class Returns extends Work {
      // @ts-expect-error -- a work returns nothing
      run() {
        return 1;
      }
    }
    expectTypeOf<Returns>().toHaveProperty('run');
  });

  test('a test drives the typed root', () => {
    const open = () => testApp(() => new App(new Root()));
    expectTypeOf<Awaited<ReturnType<typeof open>>['root']>().toEqualTypeOf<Root>();
  });
});
