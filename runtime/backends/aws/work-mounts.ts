/**
 * S3 folders of a work, copied to where its `CloudCompute` mounts them, before the work starts.
 *
 * M1 A copy needs no privileged container and reads as a disk does. It is of one moment: what changes in S3 later is not seen, and
 *    nothing is written back, so its files are read-only.
 * M2 Files are fetched in parts, some at a time: a large one takes no more memory than many small ones. A part that fails is
 *    fetched again, of the very object that was listed.
 */
import { mkdir, open, statfs, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { appError, isAppError } from '../../errors/index.ts';
import type { WorkTimings } from './channel/work-timings.ts';
import { createClients, destroyClients, type AwsClients } from './clients.ts';
import { s3FolderOf } from './contract.ts';
import { describeProblem } from './launcher/aws-failure.ts';
import { untilSupplied } from './until-supplied.ts';

const PART_BYTES = 8 * 1024 * 1024;
const PARTS_AT_ONCE = 8;
/** Milliseconds for one part; a connection that stalls would wait for ever. */
const PART_MS = 120_000;
/** Progress is told in tenths, of what takes a while. */
const PROGRESS_SHARE = 0.1;
const LARGE_BYTES = 256 * 1024 * 1024;
const BYTES_PER_GB = 1e9;
const READ_ONLY = 0o444;

export interface Mount {
  /** `s3://bucket/folder/` */
  readonly source: string;
  readonly mountPath: string;
}

export interface MountsPlace {
  readonly region: string;
  readonly timings: Pick<WorkTimings, 'isolatedMs' | 'retryMs' | 'retryMaxMs'>;
  /** Hears of requests that fail and are repeated. */
  readonly failing: (error: unknown) => void;
  /** Takes a line for people. */
  readonly tell: (line: string) => void;
}

interface S3File {
  readonly key: string;
  readonly path: string;
  readonly bytes: number;
  readonly etag: string | undefined;
}

/**
 * Resolves when all is there. S3 that does not answer is waited for.
 *
 * @throws `HOST_MOUNT_UNREADABLE` when the answer is that it cannot be read, or when there is no room; `HOST_TASK_NOT_SUPPLIED` when
 *   there is no answer in `isolatedMs`
 */
export async function copyMounts(mounts: readonly Mount[], place: MountsPlace): Promise<void> {
  if (mounts.length === 0) return;
  const clients = await createClients(place.region, ['s3']);
  try {
    for (const mount of mounts) await new MountCopy(clients.s3, mount, place).run();
  } finally {
    destroyClients(clients);
  }
}

class MountCopy {
  readonly #s3: AwsClients['s3'];
  readonly #mount: Mount;
  readonly #place: MountsPlace;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor(s3: AwsClients['s3'], mount: Mount, place: MountsPlace) {
    this.#s3 = s3;
    this.#mount = mount;
    this.#place = place;
    const folder = s3FolderOf(mount.source);
    if (folder === null) throw this.#unreadable('it is no s3://bucket/folder/');
    this.#bucket = folder.bucket;
    this.#prefix = folder.prefix;
  }

  async run(): Promise<void> {
    const { source, mountPath } = this.#mount;
    const startedMs = performance.now();
    const files = await this.#list();
    const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
    const what = `${source} at ${mountPath}`;
    this.#place.tell(`copying ${what}: ${files.length} files, ${toGb(total)}`);
    await this.#onDisk(() => this.#makeRoom(total));
    let done = 0;
    let told = 0;
    await eachOf(partsOf(files), async (part) => {
      const bytes = part.bytes === 0 ? new Uint8Array() : await this.#fetch(part);
      await this.#onDisk(() => part.file.write(bytes, part.from));
      done += bytes.length;
      if (total < LARGE_BYTES || done / total < told + PROGRESS_SHARE) return;
      told = done / total;
      this.#place.tell(`${Math.floor(told * 100)} % of ${what}`);
    });
    const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
    this.#place.tell(`${what} is there after ${seconds} s`);
  }

  async #list(): Promise<S3File[]> {
    const { ListObjectsV2Command } = await import('@aws-sdk/client-s3');
    const files: S3File[] = [];
    const place = { Bucket: this.#bucket, Prefix: this.#prefix };
    let next: string | undefined;
    do {
      const request = { ...place, ...(next === undefined ? {} : { ContinuationToken: next }) };
      const page = await this.#ask(() => this.#s3.send(new ListObjectsV2Command(request)));
      for (const { Key: key = '', Size: bytes = 0, ETag: etag } of page.Contents ?? []) {
        // Consoles make empty objects of this name for folders.
        if (!key.endsWith('/')) files.push({ key, path: this.#pathOf(key), bytes, etag });
      }
      next = page.NextContinuationToken;
    } while (next !== undefined);
    return files;
  }

  /** A key may be any text; a file stays below the mount. */
  #pathOf(key: string): string {
    const names = key.slice(this.#prefix.length).split('/');
    if (names.some((name) => ['', '.', '..'].includes(name) || name.includes('\0')))
      throw this.#unreadable(`the key ${JSON.stringify(key)} cannot be a file`);
    return join(this.#mount.mountPath, ...names);
  }

  async #makeRoom(total: number): Promise<void> {
    const { mountPath } = this.#mount;
    await mkdir(mountPath, { recursive: true });
    const { bavail, bsize } = await statfs(mountPath);
    const free = bavail * bsize;
    if (total > free)
      throw this.#unreadable(
        `it has ${toGb(total)}, and ${mountPath} has room for ${toGb(free)}: give the CloudCompute a larger diskSize`,
      );
  }

  async #fetch({ file, from, bytes }: Part): Promise<Uint8Array> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const { key, etag } = file.of;
    const request = {
      Bucket: this.#bucket,
      Key: key,
      Range: `bytes=${from}-${from + bytes - 1}`,
      ...(etag === undefined ? {} : { IfMatch: etag }),
    };
    return await this.#ask(async () => {
      const abortSignal = AbortSignal.timeout(PART_MS);
      const { Body: body } = await this.#s3.send(new GetObjectCommand(request), { abortSignal });
      const found = (await body?.transformToByteArray()) ?? new Uint8Array();
      if (found.length !== bytes) throw new Error(`${found.length} of ${bytes} bytes arrived`);
      return found;
    });
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    const { timings, failing } = this.#place;
    return await untilSupplied(request, {
      what: this.#mount.source,
      timings,
      failing,
      refused: (problem, cause) => this.#unreadable(problem, cause),
    });
  }

  async #onDisk(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (cause) {
      throw isAppError(cause) ? cause : this.#unreadable(describeProblem(cause), cause);
    }
  }

  #unreadable(problem: string, cause?: unknown): Error {
    const { source, mountPath } = this.#mount;
    return appError('HOST_MOUNT_UNREADABLE', { source, mountPath, problem }, { cause });
  }
}

interface Part {
  readonly file: CopiedFile;
  readonly from: number;
  readonly bytes: number;
}

/** An empty file has one part too. */
function* partsOf(files: readonly S3File[]): Generator<Part> {
  for (const of of files) {
    const file = new CopiedFile(of);
    for (let part = 0; part < file.parts; part += 1) {
      const from = part * PART_BYTES;
      yield { file, from, bytes: Math.min(PART_BYTES, of.bytes - from) };
    }
  }
}

/** Open from its first part to its last. */
class CopiedFile {
  readonly of: S3File;
  readonly parts: number;
  #left: number;
  #handle: Promise<FileHandle> | null = null;

  constructor(of: S3File) {
    this.of = of;
    this.parts = Math.max(1, Math.ceil(of.bytes / PART_BYTES));
    this.#left = this.parts;
  }

  async write(bytes: Uint8Array, from: number): Promise<void> {
    this.#handle ??= this.#open();
    const handle = await this.#handle;
    await handle.write(bytes, 0, bytes.length, from);
    this.#left -= 1;
    if (this.#left > 0) return;
    await handle.chmod(READ_ONLY);
    await handle.close();
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.of.path), { recursive: true });
    return await open(this.of.path, 'w');
  }
}

/** Runs for each item, some at a time, in order. */
async function eachOf<T>(items: Iterable<T>, run: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await run(next.value);
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, lane));
}

function toGb(bytes: number): string {
  return `${(bytes / BYTES_PER_GB).toFixed(bytes < BYTES_PER_GB ? 3 : 1)} GB`;
}
