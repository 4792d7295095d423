/** The OpenAPI 3.1 document of a running app: what {@link apiDocs} says of its routes, and the routes of its user. */
import { z } from 'zod';
import type { ApiRoute, InputSchema } from '../component/flow-options.ts';
import { apiDocs, bodyTypes, type AnswerDoc, type RouteDoc } from './api-docs.ts';
import { errorSchema, inputRefusalSchema } from './schemas.ts';
import type { UserApi } from './user-api.ts';

const JSON_TYPE = 'application/json';
/** What every route may answer. */
const COMMON_FAILURES: Readonly<Record<number, string>> = {
  400: 'malformed',
  401: 'no token, or a wrong one',
  403: 'a Host or Origin that is not allowed',
  429: 'too many wrong tokens',
};

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
    if (doc !== undefined) add(method, path, operationOf(doc, path, bodyTypes[key]));
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

function operationOf(
  doc: RouteDoc,
  path: string,
  types: readonly string[] = [JSON_TYPE],
): Document {
  const { summary, description, body, failure = errorSchema } = doc;
  const failures = { ...COMMON_FAILURES, ...doc.failures };
  return {
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: [
      ...pathParameters(path),
      ...parameters('query', doc.query),
      ...parameters('header', doc.headers),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { content: contentOf(types, toSchema(body, 'input')) } }),
    responses: {
      [String(doc.answer.status ?? 200)]: answerOf(doc.answer),
      ...failuresOf(failures, failure),
    },
  };
}

function userOperation({ method, body }: ApiRoute, path: string): Document {
  const schema = toJsonSchema(body);
  const takesQuery = method === 'GET';
  const { properties = {}, required = [] } = (schema ?? {}) as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  const query = takesQuery
    ? Object.entries(properties).map(([name, each]) => ({
        name,
        in: 'query',
        required: required.includes(name),
        schema: each,
      }))
    : [];
  return {
    summary: `${method} ${path}`,
    tags: ['app'],
    parameters: [...pathParameters(path), ...query],
    ...(takesQuery ? {} : { requestBody: { content: contentOf([JSON_TYPE], schema ?? {}) } }),
    responses: {
      '200': { description: 'what its handler gives', content: contentOf([JSON_TYPE], {}) },
      ...failuresOf(
        {
          ...COMMON_FAILURES,
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

function parameters(
  place: 'query' | 'header',
  texts: Readonly<Record<string, string>> = {},
): Document[] {
  return Object.entries(texts).map(([name, description]) => ({
    name,
    in: place,
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
