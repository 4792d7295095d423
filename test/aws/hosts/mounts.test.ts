import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, type TestContext } from 'vitest';
import { defaultWorkTimings } from '../../../runtime/backends/aws/channel/work-timings.ts';
import { s3FolderOf } from '../../../runtime/backends/aws/contract.ts';
import { copyMounts } from '../../../runtime/backends/aws/work-mounts.ts';
import { REGION, test, type EmulatorRig } from '../../support/emulator.ts';
import { HttpProxy } from '../../support/http-proxy.ts';

/** More than one part has. */
const LARGE = Buffer.alloc(9 * 1024 * 1024, 'stormkite');
const timings = { ...defaultWorkTimings, retryMs: 5, retryMaxMs: 20 };

async function put({ clients: { s3 } }: EmulatorRig, files: Readonly<Record<string, Buffer>>) {
  await s3.send(new CreateBucketCommand({ Bucket: 'data' }));
  for (const [Key, Body] of Object.entries(files))
    await s3.send(new PutObjectCommand({ Bucket: 'data', Key, Body }));
}

async function mountPoint(onTestFinished: TestContext['onTestFinished']): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mounts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'data');
}

function placeFor(lines: string[] = []) {
  return {
    region: REGION,
    timings,
    failing: (): void => undefined,
    tell: (line: string): void => void lines.push(line),
  };
}

describe("a work's mounts", () => {
  test('are copied with all their folders, and nothing beside them, read-only', async ({
    rig,
    expect,
    onTestFinished,
  }) => {
    await put(rig, {
      'set/a.txt': Buffer.from('a'),
      'set/deep/er/b c ü.bin': LARGE,
      'set/empty': Buffer.alloc(0),
      'set/folder/': Buffer.alloc(0),
      'settings/secret': Buffer.from('no'),
    });
    const mountPath = await mountPoint(onTestFinished);
    const lines: string[] = [];
    await copyMounts([{ source: 's3://data/set', mountPath }], placeFor(lines));
    expect(await readFile(join(mountPath, 'a.txt'), 'utf8')).toBe('a');
    expect((await readFile(join(mountPath, 'deep/er/b c ü.bin'))).equals(LARGE)).toBe(true);
    expect((await stat(join(mountPath, 'empty'))).size).toBe(0);
    expect((await stat(join(mountPath, 'a.txt'))).mode & 0o777).toBe(0o444);
    await expect(stat(join(mountPath, 'secret'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(lines[0]).toBe(`copying s3://data/set at ${mountPath}: 3 files, 0.009 GB`);
    expect(lines.at(-1)).toMatch(/is there after \d+\.\d s$/);
  });

  test('are waited for while S3 does not answer', async ({ rig, expect, onTestFinished }) => {
    await put(rig, { 'set/a.txt': Buffer.from('late') });
    const proxy = await HttpProxy.open(rig.emulator.endpoint);
    onTestFinished(() => proxy.close());
    process.env['AWS_ENDPOINT_URL_S3'] = proxy.endpoint;
    proxy.cut();
    const mountPath = await mountPoint(onTestFinished);
    const failures: unknown[] = [];
    await copyMounts([{ source: 's3://data/set/', mountPath }], {
      ...placeFor(),
      failing: (error) => {
        failures.push(error);
        proxy.mend();
      },
    });
    expect(failures).toHaveLength(1);
    expect(await readFile(join(mountPath, 'a.txt'), 'utf8')).toBe('late');
  });

  test.for<[string, string, Readonly<Record<string, Buffer>>, RegExp]>([
    ['a bucket that is not there', 's3://nowhere/', {}, /NoSuchBucket/],
    ['what is no folder of S3', 'gs://data', {}, /s3:\/\/bucket\/folder\//],
    ['a key that cannot be a file', 's3://data/', { 'a//b': Buffer.from('x') }, /"a\/\/b"/],
    [
      'a file and a folder of one name',
      's3://data/',
      { a: Buffer.from('x'), 'a/b': Buffer.from('y') },
      /EISDIR|ENOTDIR|EEXIST/,
    ],
  ])(
    '%s is told with its reason',
    async ([, source, files, problem], { rig, expect, onTestFinished }) => {
      await put(rig, files);
      const mountPath = await mountPoint(onTestFinished);
      await expect(copyMounts([{ source, mountPath }], placeFor())).rejects.toMatchObject({
        code: 'HOST_MOUNT_UNREADABLE',
        message: expect.stringMatching(problem),
      });
    },
  );

  test('name a bucket and a prefix that ends with a slash', ({ expect }) => {
    expect(s3FolderOf('s3://data')).toEqual({ bucket: 'data', prefix: '' });
    expect(s3FolderOf('s3://data/')).toEqual({ bucket: 'data', prefix: '' });
    expect(s3FolderOf('s3://my.data/a/b')).toEqual({ bucket: 'my.data', prefix: 'a/b/' });
    for (const source of ['', 's3://', 's3://A/', 's3:/data', 'https://data/', 's3://a b/'])
      expect(s3FolderOf(source)).toBeNull();
  });
});
