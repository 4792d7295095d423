import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { ROOT, temporary } from './synth.ts';

const examples = readdirSync(join(ROOT, 'examples'));

/** Runs the CDK app as `cdk` does, with no credentials, no region, no Docker and no way to AWS. */
async function cdk(context: Readonly<Record<string, string>>) {
  const outdir = temporary('cdk-out');
  const child = spawn(process.execPath, ['--import', 'tsx', 'infra/main.ts'], {
    cwd: ROOT,
    env: {
      PATH: '/nowhere',
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify(context),
      AWS_EC2_METADATA_DISABLED: 'true',
      HTTPS_PROXY: 'http://127.0.0.1:9',
    },
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const [code] = await once(child, 'close');
  const read = (file: string) => JSON.parse(readFileSync(join(outdir, file), 'utf8'));
  return { code, errors, read };
}

describe('the CDK app', () => {
  test.for(examples)(
    'makes the template of examples/%s without credentials, Docker or network',
    async (name, { expect }) => {
      const startedMs = performance.now();
      const { code, errors, read } = await cdk({ app: `examples/${name}/app.ts` });
      console.info(
        `examples/${name}: its template took ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`,
      );
      expect({ code, errors: code === 0 ? '' : errors }).toEqual({ code: 0, errors: '' });
      const { artifacts, missing } = read('manifest.json');
      expect(missing).toBeUndefined();
      expect(artifacts[`stormkite-${name}`].environment).toBe(
        'aws://unknown-account/unknown-region',
      );
      const { Resources: resources } = read(`stormkite-${name}.template.json`);
      expect(Object.keys(resources).length).toBeGreaterThan(50);
      const { files, dockerImages } = read(`stormkite-${name}.assets.json`);
      expect(Object.values(files)).toContainEqual(
        expect.objectContaining({
          source: expect.objectContaining({
            packaging: 'file',
            path: expect.stringMatching(/\.tgz$/),
          }),
        }),
      );
      expect(dockerImages).toEqual({});
    },
  );

  test('takes its properties from the context', async ({ expect }) => {
    const { code, read } = await cdk({
      app: 'examples/counter/app.ts',
      name: 'my.counter',
      stackName: 'team-counter',
      keepState: 'true',
      maxInstances: '3',
    });
    expect(code).toBe(0);
    const text = JSON.stringify(read('team-counter.template.json'));
    expect(text).toContain('"MyCounterAppName":{"Value":"my.counter"}');
    expect(text).toContain('"DeletionPolicy":"Retain"');
    expect(text).toContain('"MaxSize":"3"');
  });

  test.for<[string, Record<string, string>, number, string]>([
    ['no app', {}, 2, 'INFRA_APP_MISSING'],
    ['an unknown ui', { app: 'a.ts', ui: 'web' }, 2, 'INFRA_PROP_INVALID'],
    ['a budget for nobody', { app: 'a.ts', budget: '10' }, 2, 'INFRA_PROP_INVALID'],
    ['a file that is not there', { app: 'nowhere.ts' }, 2, 'HOST_APP_FILE_MISSING'],
  ])('tells what to do about %s', async ([, context, exit, code], { expect }) => {
    const result = await cdk(context);
    expect(result.errors).toContain(code);
    expect(result.errors).toContain('hint');
    expect(result.code).toBe(exit);
  });
});
