/** The OpenAPI 3.1 document of a running app: what {@link apiDocs} says of its routes, and the routes of its user. */
import { z } from 'zod';
import type { ApiRoute, AppCommand, InputSchema } from '../component/flow-options.ts';
import { apiDocs, bodyTypes, clientHeader, type AnswerDoc, type RouteDoc } from './api-docs.ts';
import { errorSchema, inputRefusalSchema } from './schemas.ts';
import type { UserApi } from './user-api.ts';

const JSON_TYPE = 'application/json';
/** What every route may answer. */
const COMMON_FAILURES: Readonly<Record<number, string>> = {
  400: 'malformed',
  401: 'no token, or a wrong one',
  403: 'a Host or Origin that is not allowed',
  429: 'too many wrong tokens',
  500: 'a bug',
  503: 'the app cannot do it now',
};
/** What every route with a body may answer as well. */
const BODY_FAILURES: Readonly<Record<number, string>> = { 413: 'larger than 16 MiB' };
const COMMAND = 'POST /commands/{name}';

/** A route as it was registered. */
export interface RegisteredRoute {
  readonly method: string;
  /** As the framework has it: `/api/v1/works/:name/stop`. */
  readonly url: string;
}

export interface OpenApiParts {
  readonly app: string;
  readonly version: string;
  readonly root: string;
  readonly base: string;
  /** Whether requests need a token. */
  readonly hasToken: boolean;
  readonly routes: readonly RegisteredRoute[];
  readonly user: UserApi;
}

type Document = Record<string, unknown>;

export function openApiDocument(parts: OpenApiParts): Document {
  const paths: Record<string, Document> = {};
  const add = (method: string, url: string, operation: Document): void => {
    (paths[url] ??= {})[method.toLowerCase()] = operation;
  };
  for (const { method, url } of parts.routes) {
    if (!url.startsWith(`${parts.base}/`)) continue;
    const path = toTemplate(url);
    const key = `${method} ${path.slice(parts.base.length)}`;
    const doc = apiDocs[key];
    if (doc === undefined) continue;
    const own = doc.body === undefined ? null : toSchema(doc.body, 'input');
    const body = key === COMMAND ? argumentsOf(parts.user.commands) : own;
    add(method, path, operationOf(doc, path, requestOf(body, bodyTypes[key])));
  }
  for (const route of parts.user.routes) {
    const path = toTemplate(parts.root + route.path);
    add(route.method, path, userOperation(route, path));
  }
  return {
    openapi: '3.1.0',
    info: {
      title: parts.app,
      version: parts.version,
      description: `The HTTP API of the app "${parts.app}".`,
    },
    paths,
    components: parts.hasToken
      ? { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } }
      : {},
    security: parts.hasToken ? [{ token: [] }] : [],
  };
}

/** A schema of a user as JSON Schema; `null` when it cannot tell. */
export function toJsonSchema(schema: InputSchema | undefined): Document | null {
  if (schema === undefined || !('_zod' in schema)) return null;
  try {
    return toSchema(schema as unknown as z.ZodType, 'input');
  } catch {
    // Another version of zod, or a schema that JSON Schema has no words for.
    return null;
  }
}

/** What a route takes; `null` for one that takes no body. */
function requestOf(body: Document | null, types: readonly string[] = [JSON_TYPE]): Document | null {
  return body === null ? null : { content: contentOf(types, body) };
}

/** Which arguments depends on the command, whose name is in the path. */
function argumentsOf(commands: readonly AppCommand[]): Document {
  const anyOf = commands.map(({ name, description, args }) => ({
    title: name,
    description,
    ...(toJsonSchema(args) ?? { type: 'object' }),
  }));
  return anyOf.length === 0 ? { type: 'object' } : { anyOf };
}

function operationOf(doc: RouteDoc, path: string, requestBody: Document | null): Document {
  const { summary, description, failure = errorSchema } = doc;
  const failures = {
    ...COMMON_FAILURES,
    ...(requestBody === null ? {} : BODY_FAILURES),
    ...doc.failures,
  };
  return {
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: [
      ...pathParameters(path),
      ...(doc.query === undefined ? [] : queryParameters(toSchema(doc.query, 'input'))),
      ...headerParameters(doc.headers),
    ],
    ...(requestBody === null ? {} : { requestBody }),
    responses: {
      [String(doc.answer.status ?? 200)]: answerOf(doc.answer),
      ...failuresOf(failures, failure),
    },
  };
}

function userOperation({ method, body }: ApiRoute, path: string): Document {
  const schema = toJsonSchema(body);
  const takesQuery = method === 'GET';
  const query = takesQuery ? queryParameters(schema ?? {}) : [];
  return {
    summary: `${method} ${path}`,
    tags: ['app'],
    parameters: [...pathParameters(path), ...query, ...headerParameters(clientHeader)],
    ...(takesQuery ? {} : { requestBody: requestOf(schema ?? {}) }),
    responses: {
      '200': { description: 'what its handler gives', content: contentOf([JSON_TYPE], {}) },
      ...failuresOf(
        {
          ...COMMON_FAILURES,
          ...(takesQuery ? {} : BODY_FAILURES),
          422: 'its schema refuses the input, or the app is ending',
          500: 'it failed',
          504: 'it took too long',
        },
        inputRefusalSchema,
      ),
    },
  };
}

function answerOf({
  description,
  type = JSON_TYPE,
  schema,
  status,
  headers = {},
}: AnswerDoc): Document {
  const names = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(names.length === 0 ? {} : { headers: Object.fromEntries(names) as Document }),
    ...(status === 101
      ? {}
      : { content: contentOf([type], schema === undefined ? {} : toSchema(schema, 'output')) }),
  };
}

function failuresOf(failures: Readonly<Record<number, string>>, shape: z.ZodType): Document {
  const content = contentOf([JSON_TYPE], toSchema(shape, 'output'));
  return Object.fromEntries(
    Object.entries(failures).map(([status, description]) => [
      status,
      status === '304' ? { description } : { description, content },
    ]),
  );
}

function contentOf(types: readonly string[], schema: Document): Document {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function pathParameters(path: string): Document[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
}

/** The properties of a query's schema, each a parameter. */
function queryParameters(schema: Document): Document[] {
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, Document>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...each }]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: each,
  }));
}

function headerParameters(texts: Readonly<Record<string, string>> = {}): Document[] {
  return Object.entries(texts).map(([name, description]) => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  }));
}

/** `/works/:name` as `/works/{name}`; the rest of a path is the pointer below the state. */
export function toTemplate(url: string): string {
  return url.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{pointer}');
}

function toSchema(schema: z.ZodType, io: 'input' | 'output'): Document {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
