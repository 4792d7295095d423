import { describe, test } from 'vitest';
import { CliRig } from '../cli/cli-rig.ts';
import { COUNTER } from '../cli/apps.ts';

describe('the address that run prints', () => {
  test('tells a person what there is', async ({ expect }) => {
    const rig = await CliRig.open();
    try {
      const app = rig.app(await rig.write('count/app.ts', COUNTER));
      await app.prints('[root.count] counting from 0');
      const [url] = /http:\/\/[\d.:]+/.exec(app.stdout) ?? [];
      for (const path of ['/', '/view']) {
        const answer = await fetch(new URL(path, url));
        expect([answer.status, new URL(answer.url).pathname]).toEqual([200, '/view']);
        // The dashboard where it has been built, else how to go on without it.
        expect(await answer.text()).toMatch(/<html|count is running\./);
      }
    } finally {
      await rig.close();
    }
  });
});
