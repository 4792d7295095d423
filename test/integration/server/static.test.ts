import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base, describe } from 'vitest';
import { ProxyRig } from './proxy-rig.ts';

interface Site {
  readonly rig: ProxyRig;
  readonly folder: string;
}

const test = base.extend<{ site: Site }>({
  // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
  site: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'site-'));
    const site = join(folder, 'site');
    await mkdir(join(site, 'docs', 'deep'), { recursive: true });
    await mkdir(join(site, '.git'));
    await mkdir(join(site, 'empty'));
    await writeFile(join(folder, 'secret.txt'), 'hidden words');
    await mkdir(join(folder, 'site-other'));
    await writeFile(join(folder, 'site-other', 'a.txt'), 'hidden words');
    await writeFile(join(site, 'index.html'), '<title>site</title>');
    await writeFile(join(site, 'main.js'), 'export {};');
    await writeFile(join(site, 'ü & 100%.txt'), 'odd');
    await writeFile(join(site, 'docs', 'index.html'), '<title>docs</title>');
    await writeFile(join(site, '.env'), 'hidden words');
    await writeFile(join(site, '.git', 'config'), 'hidden words');
    await symlink(join(folder, 'secret.txt'), join(site, 'out.txt'));
    await symlink(folder, join(site, 'up'));
    await symlink(join(folder, 'site-other'), join(site, 'beside'));
    await symlink(join(site, '.env'), join(site, 'env.txt'));
    await symlink(join(site, 'main.js'), join(site, 'linked.js'));
    const rig = await ProxyRig.open();
    rig.frontends.set('ui', { kind: 'static', directory: site });
    await use({ rig, folder });
    await rig.close();
    await rm(folder, { recursive: true, force: true });
  },
});

describe('a static frontend', () => {
  test.for([
    ['/', 'text/html; charset=utf-8', '<title>site</title>'],
    ['/index.html', 'text/html; charset=utf-8', '<title>site</title>'],
    ['/main.js?v=1', 'application/javascript; charset=utf-8', 'export {};'],
    ['/linked.js', 'application/javascript; charset=utf-8', 'export {};'],
    ['/docs/', 'text/html; charset=utf-8', '<title>docs</title>'],
    ['/%C3%BC%20%26%20100%25.txt', 'text/plain; charset=utf-8', 'odd'],
  ] as const)('has %s', async ([path, type, text], { site, expect }) => {
    const answer = await site.rig.ask(`/frontends/ui${path}`);
    expect(answer).toMatchObject({ status: 200, text });
    expect(answer.headers).toMatchObject({
      'content-type': type,
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
    });
  });

  test.for([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%5csecret.txt',
    '/docs/../../secret.txt',
    '/docs/%2e%2e/%2e%2e/secret.txt',
    '//etc/passwd',
    '/%2fetc%2fpasswd',
    '/out.txt',
    '/up/secret.txt',
    '/beside/a.txt',
    '/env.txt',
    '/.env',
    '/%2eenv',
    '/.git/config',
    '/docs/.%00',
    '/index.html%00.txt',
    '/main.js/',
    '/empty/',
    '/nothing',
    '/%ZZ',
  ])('gives nothing away at %s', async (path, { site, expect }) => {
    const answer = await site.rig.ask(`/frontends/ui${path}`);
    expect([400, 404]).toContain(answer.status);
    expect(answer.text).not.toContain('hidden words');
    expect(JSON.parse(answer.text)).toHaveProperty('code');
  });

  test('leads a folder to its slash, with the query', async ({ site, expect }) => {
    const answer = await site.rig.ask('/frontends/ui/docs?a=1');
    expect(answer.status).toBe(308);
    expect(answer.headers.location).toBe('/frontends/ui/docs/?a=1');
    expect((await site.rig.ask('/frontends/ui')).headers.location).toBe('/frontends/ui/');
  });

  test('is sent once while it does not change', async ({ site, expect }) => {
    const { headers } = await site.rig.ask('/frontends/ui/main.js');
    const { etag = '' } = headers;
    expect(etag).not.toBe('');
    const again = { headers: { 'if-none-match': etag } };
    expect((await site.rig.ask('/frontends/ui/main.js', again)).status).toBe(304);
    await writeFile(join(site.folder, 'site', 'main.js'), 'export const a = 1;');
    expect(await site.rig.ask('/frontends/ui/main.js', again)).toMatchObject({
      status: 200,
      text: 'export const a = 1;',
    });
  });

  test('can be asked for its headers, and takes nothing', async ({ site, expect }) => {
    const head = await site.rig.ask('/frontends/ui/main.js', { method: 'HEAD' });
    expect(head).toMatchObject({ status: 200, text: '' });
    const post = await site.rig.ask('/frontends/ui/main.js', { method: 'POST', body: 'x' });
    expect(post.status).toBe(404);
  });
});

describe('the dashboard', () => {
  const built = base.extend<{ dist: string }>({
    // eslint-disable-next-line no-empty-pattern -- vitest finds out by destructuring what a fixture needs
    dist: async ({}, use) => {
      const dist = await mkdtemp(join(tmpdir(), 'dist-'));
      await mkdir(join(dist, 'ui', 'assets'), { recursive: true });
      await mkdir(join(dist, 'client'));
      const html = '<html><head><script src="/assets/a-1.js"></script></head></html>';
      await writeFile(join(dist, 'ui', 'index.html'), html);
      await writeFile(join(dist, 'ui', 'assets', 'a-1.js'), 'export {};');
      await writeFile(join(dist, 'client.js'), 'export {};');
      await writeFile(join(dist, 'client', 'stormkite.py'), 'pass');
      await writeFile(join(dist, 'package.json'), 'hidden words');
      await use(`${dist}/`);
      await rm(dist, { recursive: true, force: true });
    },
  });

  for (const root of ['', '/team/app']) {
    built(`is at ${root}/view, with everything that it needs`, async ({ dist, expect }) => {
      const rig = await ProxyRig.open({ root, dist });
      try {
        const page = await rig.ask(`${root}/view?x=1`);
        expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
        expect(page.text).toContain(`<meta name="stormkite-root" content="${root}" />`);
        expect(page.text).toContain(`src="${root}/assets/a-1.js"`);
        const policy = String(page.headers['content-security-policy']);
        expect(policy).toContain("default-src 'self'");
        expect(policy).toContain("frame-ancestors 'self'");
        expect(policy).not.toContain("script-src 'unsafe");
        for (const path of [`${root}/`, '/'])
          expect((await rig.ask(path)).headers.location).toBe(`${root}/view`);
        const asset = await rig.ask(`${root}/assets/a-1.js`);
        expect(asset).toMatchObject({ status: 200, text: 'export {};' });
        expect(asset.headers).toMatchObject({
          'cache-control': 'public, max-age=31536000, immutable',
          'content-type': 'application/javascript; charset=utf-8',
        });
        expect((await rig.ask(`${root}/client.js`)).text).toBe('export {};');
        expect((await rig.ask(`${root}/client/stormkite.py`)).text).toBe('pass');
        for (const path of [
          '/assets/../package.json',
          '/assets/%2e%2e/index.html',
          '/assets/none.js',
        ])
          expect((await rig.ask(root + path)).status).toBe(404);
      } finally {
        await rig.close();
      }
    });
  }

  built('is a signpost where it has not been built', async ({ expect }) => {
    const rig = await ProxyRig.open({ dist: join(tmpdir(), 'no-such-folder/') });
    try {
      expect(await rig.ask('/view')).toMatchObject({ status: 200, text: 'no dashboard here' });
      expect((await rig.ask('/client.js')).status).toBe(404);
    } finally {
      await rig.close();
    }
  });
});
