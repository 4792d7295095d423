/** Finds the service, the operation and the protocol of a request. All services share one address. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Operations, ServiceName } from './operation.ts';
import { ServiceError } from './service-error.ts';
import type { S3Api, S3Request } from './s3/s3-api.ts';
import { s3Error } from './s3/s3-api.ts';
import {
  ec2Format,
  jsonFormat,
  queryFormat,
  type Answer,
  type AnswerFormat,
} from './wire/answers.ts';
import { parseQuery } from './wire/query-input.ts';

/** Prefix of `x-amz-target` of each service that speaks JSON. */
const TARGETS: Readonly<Record<string, ServiceName>> = {
  AmazonEC2ContainerServiceV20141113: 'ecs',
  Logs_20140328: 'logs',
  AmazonSSM: 'ssm',
  secretsmanager: 'secretsmanager',
};

/** Version of the API that each service of the Query protocols is known by. */
const VERSIONS: Readonly<Record<string, ServiceName>> = {
  '2016-11-15': 'ec2',
  '2011-01-01': 'autoscaling',
};

export type ApiServices = Readonly<Record<Exclude<ServiceName, 's3' | 'metadata'>, Operations>>;

/** A request that was understood. */
export interface Routed {
  /** `null`: the emulator itself, which no fault touches. */
  readonly service: ServiceName | null;
  readonly operation: string;
  /** Has its effect. @throws `ServiceError` */
  run(): Promise<Answer>;
  /** How the service says what went wrong. */
  refuse(error: ServiceError): Answer;
}

export interface RawRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export class ServiceRouter {
  readonly #services: ApiServices;
  readonly #s3: S3Api;

  constructor(services: ApiServices, s3: S3Api) {
    this.#services = services;
    this.#s3 = s3;
  }

  route(request: RawRequest): Routed {
    const target = request.headers['x-amz-target'];
    if (typeof target === 'string') return this.#json(target, request);
    if (request.headers['content-type']?.startsWith('application/x-www-form-urlencoded'))
      return this.#query(request);
    return this.#object(request);
  }

  #json(target: string, { body }: RawRequest): Routed {
    const [prefix = '', operation = ''] = target.split('.');
    const service = TARGETS[prefix];
    const unknown = new ServiceError(
      'UnknownOperationException',
      `The emulator has no operation ${target}`,
    );
    return this.#routed(service, operation, jsonFormat, unknown, () => parseJson(body));
  }

  #query({ body }: RawRequest): Routed {
    const text = body.toString('utf8');
    const version = new URLSearchParams(text).get('Version') ?? '';
    const service = VERSIONS[version];
    const { action, input } = parseQuery(text);
    const format = service === 'ec2' ? ec2Format : queryFormat;
    const unknown = new ServiceError(
      'InvalidAction',
      `The emulator has no action ${action} of version ${version}`,
    );
    return this.#routed(service, action, format, unknown, () => input);
  }

  #routed(
    service: ServiceName | undefined,
    operation: string,
    format: AnswerFormat,
    unknown: ServiceError,
    input: () => unknown,
  ): Routed {
    const operations =
      service === undefined || service === 's3' || service === 'metadata'
        ? {}
        : this.#services[service];
    const handle = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
    return {
      service: service ?? 'ecs',
      operation,
      run: async () => {
        if (handle === undefined) throw unknown;
        return format.output(operation, await handle(input()));
      },
      refuse: (error) => format.error(error),
    };
  }

  #object(request: S3Request): Routed {
    return {
      service: 's3',
      operation: this.#s3.operationOf(request),
      run: () => this.#s3.answer(request),
      refuse: (error) =>
        request.method === 'HEAD' ? { ...s3Error(error), body: '' } : s3Error(error),
    };
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch {
    throw new ServiceError('SerializationException', 'The request is not JSON');
  }
}
