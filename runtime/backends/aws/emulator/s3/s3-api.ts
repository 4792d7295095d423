/** The S3 API by path (`/bucket/key`), as far as storing and reading objects needs it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { EmulatorContext } from '../context.ts';
import { uuid } from '../ids.ts';
import { pageOf } from '../operation.ts';
import { ServiceError } from '../service-error.ts';
import type { Answer } from '../wire/answers.ts';
import { escapeXml, toXml } from '../wire/xml.ts';
import { unchunk } from './aws-chunked.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

const MAX_KEYS = 1_000;
const SPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const KEPT_HEADERS = /^x-amz-(meta|checksum)-/;

export interface S3Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Place {
  readonly bucket: string;
  /** Empty for the bucket itself. */
  readonly key: string;
}

export class S3Api {
  readonly #context: EmulatorContext;
  readonly #objects: ObjectStore;

  constructor(context: EmulatorContext, objects: ObjectStore) {
    this.#context = context;
    this.#objects = objects;
  }

  /** Name of the operation that a request is. */
  operationOf({ method, url }: S3Request): string {
    const { key } = partsOf(url);
    const [what, noun] = key === '' ? ['bucket', 'Bucket'] : ['object', 'Object'];
    if (method === 'GET') return what === 'bucket' ? 'ListObjectsV2' : 'GetObject';
    const verbs: Readonly<Record<string, string>> = {
      PUT: what === 'bucket' ? 'Create' : 'Put',
      HEAD: 'Head',
      DELETE: 'Delete',
    };
    return `${verbs[method] ?? method}${noun}`;
  }

  async answer(request: S3Request): Promise<Answer> {
    const place = placeOf(request.url);
    const operation = this.operationOf(request);
    if (operation === 'CreateBucket') {
      await this.#objects.createBucket(place.bucket);
      return { status: 200, headers: { location: `/${place.bucket}` }, body: '' };
    }
    if (!(await this.#objects.hasBucket(place.bucket)))
      throw new ServiceError('NoSuchBucket', 'The specified bucket does not exist', {
        status: 404,
      });
    switch (operation) {
      case 'HeadBucket':
        return { status: 200, headers: {}, body: '' };
      case 'ListObjectsV2':
        return await this.#list(place.bucket, request.url.searchParams);
      case 'PutObject':
        return await this.#put(place, request);
      case 'GetObject':
        return await this.#get(place, request);
      case 'HeadObject':
        return await this.#head(place);
      case 'DeleteObject':
        await this.#objects.remove(place.bucket, place.key);
        return { status: 204, headers: {}, body: '' };
      default:
        throw new ServiceError(
          'NotImplemented',
          'A header you provided implies functionality that is not implemented',
          { status: 501 },
        );
    }
  }

  async #put(place: Place, { headers, body: raw }: S3Request): Promise<Answer> {
    const isChunked = (headers['content-encoding'] ?? '').includes('aws-chunked');
    const { body, trailers } = isChunked ? unchunk(raw) : { body: raw, trailers: {} };
    const all: readonly (readonly [string, string])[] = [
      ...Object.entries(headers).flatMap(([name, value]) =>
        typeof value === 'string' ? [[name, value] as const] : [],
      ),
      ...Object.entries(trailers),
    ];
    const more = {
      contentType: headers['content-type'] ?? 'application/octet-stream',
      headers: Object.fromEntries(all.filter(([name]) => KEPT_HEADERS.test(name))),
    };
    const now = this.#context.clock.now();
    const { etag } = await this.#objects.put(place.bucket, place.key, body, more, now);
    return { status: 200, headers: { etag }, body: '' };
  }

  async #head({ bucket, key }: Place): Promise<Answer> {
    const object = await this.#objects.describe(bucket, key);
    if (object === null) throw noSuchKey();
    const headers = { ...headersOf(object), 'content-length': String(object.size) };
    return { status: 200, headers, body: '' };
  }

  async #get({ bucket, key }: Place, { headers }: S3Request): Promise<Answer> {
    const found = await this.#objects.read(bucket, key);
    if (found === null) throw noSuchKey();
    const { object, body } = found;
    const { size } = object;
    const described = headersOf(object);
    const range = headers.range === undefined ? null : rangeOf(headers.range, size);
    if (range === null) return { status: 200, headers: described, body };
    const [from, to] = range;
    // A checksum is of the whole object.
    const rest = Object.entries(described).filter(([name]) => !name.startsWith('x-amz-checksum-'));
    return {
      status: 206,
      headers: { ...Object.fromEntries(rest), 'content-range': `bytes ${from}-${to}/${size}` },
      body: body.subarray(from, to + 1),
    };
  }

  async #list(bucket: string, query: URLSearchParams): Promise<Answer> {
    const prefix = query.get('prefix') ?? '';
    const delimiter = query.get('delimiter') ?? '';
    const after = query.get('start-after') ?? '';
    const maxKeys = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
    const found = (await this.#objects.list(bucket)).filter(
      ({ key }) => key.startsWith(prefix) && key > after,
    );
    const { page, nextToken } = pageOf(
      toEntries(found, prefix, delimiter),
      query.get('continuation-token') ?? undefined,
      maxKeys,
    );
    const result = {
      Name: bucket,
      Prefix: prefix,
      Delimiter: delimiter === '' ? undefined : delimiter,
      MaxKeys: maxKeys,
      KeyCount: page.length,
      IsTruncated: nextToken !== undefined,
      NextContinuationToken: nextToken,
      Contents: page.flatMap((entry) => (typeof entry === 'string' ? [] : [toContent(entry)])),
      CommonPrefixes: page.flatMap((entry) =>
        typeof entry === 'string' ? [{ Prefix: entry }] : [],
      ),
    };
    const text = toXml('ListBucketResult', result, 'flat');
    const body = text.replace('<ListBucketResult>', `<ListBucketResult xmlns="${SPACE}">`);
    return { status: 200, headers: { 'content-type': 'application/xml' }, body: XML_HEAD + body };
  }
}

/** S3's errors have no wrapper. */
export function s3Error({ code, message, status }: ServiceError): Answer {
  const body = `${XML_HEAD}<Error><Code>${code}</Code><Message>${escapeXml(message)}</Message><RequestId>${uuid()}</RequestId></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}

/** As they stand in the path. */
function partsOf({ pathname }: URL): Place {
  const [, bucket = '', ...rest] = pathname.split('/');
  return { bucket, key: rest.join('/') };
}

function placeOf(url: URL): Place {
  const { bucket, key } = partsOf(url);
  try {
    return { bucket: decodeURIComponent(bucket), key: decodeURIComponent(key) };
  } catch {
    throw new ServiceError('InvalidURI', "Couldn't parse the specified URI.");
  }
}

function noSuchKey(): ServiceError {
  return new ServiceError('NoSuchKey', 'The specified key does not exist.', { status: 404 });
}

function headersOf({ headers, contentType, etag, changedAt }: StoredObject): Answer['headers'] {
  return {
    ...headers,
    'content-type': contentType,
    etag,
    'last-modified': new Date(changedAt).toUTCString(),
    'accept-ranges': 'bytes',
  };
}

/** Objects, and for a delimiter the prefixes that stand for several. */
function toEntries(
  objects: readonly StoredObject[],
  prefix: string,
  delimiter: string,
): readonly (StoredObject | string)[] {
  if (delimiter === '') return objects;
  const entries = objects.map((object) => {
    const end = object.key.indexOf(delimiter, prefix.length);
    return end === -1 ? object : object.key.slice(0, end + delimiter.length);
  });
  return [...new Set(entries)];
}

function toContent({ key, size, etag, changedAt }: StoredObject): object {
  return {
    Key: key,
    LastModified: new Date(changedAt),
    ETag: etag,
    Size: size,
    StorageClass: 'STANDARD',
  };
}

function rangeOf(header: string, size: number): readonly [number, number] | null {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header) ?? [];
  if (from === '' && to === '') return null;
  const first = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const last = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (first > last)
    throw new ServiceError('InvalidRange', 'The requested range is not satisfiable', {
      status: 416,
    });
  return [first, last];
}
