/**
 * Objects of S3: bodies in files named by the hash of their key, with a description beside each; so any key is a legal file name.
 *
 * O1 What is done with the two files of one object is done one after the other, so that they always belong together.
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
  /** What was begun last with each path; O1. */
  readonly #latest = new Map<string, Promise<unknown>>();

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
    return await this.#alone(path, async () => {
      // The body first: whoever sees the description finds it.
      await replaceFile(`${path}.body`, body);
      await replaceFile(`${path}.json`, JSON.stringify(object));
      return object;
    });
  }

  async describe(bucket: string, key: string): Promise<StoredObject | null> {
    return await readDescription(`${this.#path(bucket, key)}.json`);
  }

  /** `null` also when somebody took its body away. */
  async read(
    bucket: string,
    key: string,
  ): Promise<{ readonly object: StoredObject; readonly body: Buffer } | null> {
    const path = this.#path(bucket, key);
    return await this.#alone(path, async () => {
      const object = await readDescription(`${path}.json`);
      const body = await readIfThere(`${path}.body`);
      return object === null || body === null ? null : { object, body };
    });
  }

  async remove(bucket: string, key: string): Promise<void> {
    const path = this.#path(bucket, key);
    await this.#alone(path, async () => {
      await rm(`${path}.json`, { force: true });
      await rm(`${path}.body`, { force: true });
    });
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

  /** O1 */
  async #alone<T>(path: string, act: () => Promise<T>): Promise<T> {
    const acting = (this.#latest.get(path) ?? Promise.resolve()).then(act);
    // Whoever is next goes on whatever became of this one.
    const over = Promise.allSettled([acting]);
    this.#latest.set(path, over);
    try {
      return await acting;
    } finally {
      if (this.#latest.get(path) === over) this.#latest.delete(path);
    }
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
  const text = await readIfThere(path);
  return text === null ? null : descriptionSchema.parse(JSON.parse(text.toString()));
}

async function readIfThere(path: string): Promise<Buffer | null> {
  return await readFile(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
}
