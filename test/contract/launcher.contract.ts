import { afterEach, beforeEach, describe } from 'vitest';
import { contractTest, type Exceptions } from './exceptions.ts';
import type { Launcher, WorkFact } from '../../runtime/ports/launcher.ts';
import type { WorkSpec } from '../../runtime/protocol/work-spec.ts';
import { until } from '../support/until.ts';

/** What the suite needs of an adapter. */
export interface LauncherBench {
  readonly launcher: Launcher;
  /** A work that comes up and waits for calls; `index` 0 or 1 tells two apart. */
  spec(index: number, changes?: Partial<WorkSpec>): WorkSpec;
  /** Ends such a work from outside, as an accident would. */
  kill(work: string): void;
  close(): Promise<void>;
}

/** What every {@link Launcher} does. */
export function launcherContract(
  adapter: string,
  open: () => Promise<LauncherBench>,
  exceptions: Exceptions = {},
): void {
  const test = contractTest(exceptions);
  describe(`Launcher: ${adapter}`, () => {
    let bench: LauncherBench;
    let facts: WorkFact[];

    beforeEach(async () => {
      bench = await open();
      facts = [];
      bench.launcher.subscribe((fact) => facts.push(fact));
    });

    afterEach(() => bench.close());

    const states = (work: string, epoch = 1): string[] =>
      facts.filter((fact) => fact.work === work && fact.epoch === epoch).map(({ state }) => state);

    const up = async (spec: WorkSpec): Promise<void> => {
      await bench.launcher.launch(spec);
      await until(`${spec.work} runs`, () => states(spec.work, spec.epoch).includes('running'));
    };

    test('a launched work is starting, then running', async ({ expect }) => {
      const spec = bench.spec(0);
      expect(await bench.launcher.launch(spec)).toEqual({
        ok: true,
        ref: { work: spec.work, epoch: 1 },
      });
      await until('it runs', () => states(spec.work).includes('running'));
      expect(states(spec.work)[0]).toBe('starting');
      expect(await bench.launcher.observe()).toMatchObject([
        { work: spec.work, epoch: 1, state: 'running' },
      ]);
    });

    test('a repeated launch of the same work and epoch starts nothing new', async ({ expect }) => {
      const spec = bench.spec(0);
      const results = await Promise.all([bench.launcher.launch(spec), bench.launcher.launch(spec)]);
      await until('it runs', () => states(spec.work).includes('running'));
      results.push(await bench.launcher.launch(spec));
      expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
      expect(await bench.launcher.observe()).toHaveLength(1);
      expect(states(spec.work).filter((state) => state === 'running')).toHaveLength(1);
    });

    test('a launch that is repeated after the process has ended starts nothing new', async ({
      expect,
    }) => {
      const spec = bench.spec(0);
      await up(spec);
      await bench.launcher.stop(spec, 5_000);
      await bench.launcher.launch(spec);
      expect(await bench.launcher.observe()).toEqual([]);
    });

    test('a stopped work ends as asked and is told once', async ({ expect }) => {
      const spec = bench.spec(0);
      await up(spec);
      expect(await bench.launcher.stop(spec, 5_000)).toEqual({ forced: false });
      expect(facts.filter(({ state }) => state === 'exited')).toMatchObject([
        { work: spec.work, epoch: 1, reason: 'stopped' },
      ]);
      expect(await bench.launcher.observe()).toEqual([]);
    });

    test('a stop with no grace kills', async ({ expect }) => {
      const spec = bench.spec(0);
      await up(spec);
      expect(await bench.launcher.stop(spec, 0)).toEqual({ forced: true });
      expect(facts.at(-1)).toMatchObject({ state: 'exited', reason: 'stopped' });
    });

    test('a work that still starts can be stopped', async ({ expect }) => {
      const spec = bench.spec(0);
      await bench.launcher.launch(spec);
      await bench.launcher.stop(spec, 5_000);
      expect(await bench.launcher.observe()).toEqual([]);
      expect(states(spec.work).at(-1)).toBe('exited');
    });

    test('ending what is gone or was never there is no error', async ({ expect }) => {
      const spec = bench.spec(0);
      await up(spec);
      await bench.launcher.stop(spec, 5_000);
      expect(await bench.launcher.stop(spec, 5_000)).toEqual({ forced: false });
      expect(await bench.launcher.stop({ work: 'root.nobody', epoch: 4 }, 0)).toEqual({
        forced: false,
      });
    });

    test('a work that is killed from outside is exited, not stopped', async ({ expect }) => {
      const spec = bench.spec(0);
      await up(spec);
      bench.kill(spec.work);
      const fact = await until('it is told', () => facts.find(({ state }) => state === 'exited'));
      expect(fact).toMatchObject({ work: spec.work, reason: 'exited' });
    });

    test('two works live side by side', async ({ expect }) => {
      await Promise.all([up(bench.spec(0)), up(bench.spec(1))]);
      await bench.launcher.stop(bench.spec(0), 5_000);
      expect(await bench.launcher.observe()).toMatchObject([
        { work: bench.spec(1).work, state: 'running' },
      ]);
    });

    test('a new epoch is a new process', async ({ expect }) => {
      await up(bench.spec(0));
      await bench.launcher.stop(bench.spec(0), 5_000);
      await up(bench.spec(0, { epoch: 2 }));
      expect(await bench.launcher.observe()).toMatchObject([{ epoch: 2, state: 'running' }]);
    });

    test('a secret that cannot be read refuses the launch for good', async ({ expect }) => {
      const result = await bench.launcher.launch(
        bench.spec(0, { secrets: { TOKEN: 'env:STORMKITE_NO_SUCH_NAME' } }),
      );
      expect(result).toMatchObject({ ok: false, reason: 'secret' });
      expect(result).not.toHaveProperty('retryAfterMs');
      expect(await bench.launcher.observe()).toEqual([]);
    });

    test('a handler that unsubscribed hears nothing more', async ({ expect }) => {
      const heard: WorkFact[] = [];
      bench.launcher.subscribe((fact) => heard.push(fact))();
      await up(bench.spec(0));
      expect(heard).toEqual([]);
    });

    test('close ends what is left, also twice', async ({ expect }) => {
      await Promise.all([up(bench.spec(0)), bench.launcher.launch(bench.spec(1))]);
      await bench.launcher.close();
      await bench.launcher.close();
      expect(await bench.launcher.observe()).toEqual([]);
      expect(await bench.launcher.launch(bench.spec(0, { epoch: 2 }))).toMatchObject({ ok: false });
    });
  });
}
