/**
 * Objects of S3: bodies in files named by the hash of their key, with a description beside each; so any key is a legal file name.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

const descriptionSchema = z.object({
  key: z.string(),
  size: z.number(),
  etag: z.string(),
  /** Epoch milliseconds. */
  changedAt: z.number(),
  contentType: z.string(),
  /** Headers `x-amz-meta-…` and `x-amz-checksum-…`, given back as they came. */
  headers: z.record(z.string(), z.string()),
});

export type StoredObject = z.infer<typeof descriptionSchema>;

export class ObjectStore {
  readonly #directory: string;

  /** @param directory of its own; made when something is stored. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  async createBucket(bucket: string): Promise<void> {
    await mkdir(this.#bucket(bucket), { recursive: true });
  }

  async hasBucket(bucket: string): Promise<boolean> {
    return await stat(this.#bucket(bucket)).then(
      () => true,
      () => false,
    );
  }

  async put(
    bucket: string,
    key: string,
    body: Buffer,
    more: { readonly contentType: string; readonly headers: Readonly<Record<string, string>> },
    changedAt: number,
  ): Promise<StoredObject> {
    const etag = `"${createHash('md5').update(body).digest('hex')}"`;
    const object = { key, size: body.length, etag, changedAt, ...more };
    const path = this.#path(bucket, key);
    // The body first: whoever sees the description finds it.
    await replaceFile(`${path}.body`, body);
    await replaceFile(`${path}.json`, JSON.stringify(object));
    return object;
  }

  async describe(bucket: string, key: string): Promise<StoredObject | null> {
    return await readDescription(`${this.#path(bucket, key)}.json`);
  }

  async read(bucket: string, key: string): Promise<Buffer> {
    return await readFile(`${this.#path(bucket, key)}.body`);
  }

  async remove(bucket: string, key: string): Promise<void> {
    const path = this.#path(bucket, key);
    await rm(`${path}.json`, { force: true });
    await rm(`${path}.body`, { force: true });
  }

  /** All of a bucket, by key in the order of UTF-8. */
  async list(bucket: string): Promise<readonly StoredObject[]> {
    const names = await readdir(this.#bucket(bucket));
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map((name) => readDescription(join(this.#bucket(bucket), name))),
    );
    return found
      .filter((object) => object !== null)
      .toSorted((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)));
  }

  #bucket(bucket: string): string {
    return join(this.#directory, encodeURIComponent(bucket));
  }

  #path(bucket: string, key: string): string {
    return join(this.#bucket(bucket), createHash('sha256').update(key).digest('hex'));
  }
}

async function replaceFile(path: string, content: string | Buffer): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content);
  await rename(draft, path);
}

async function readDescription(path: string): Promise<StoredObject | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : descriptionSchema.parse(JSON.parse(text));
}
