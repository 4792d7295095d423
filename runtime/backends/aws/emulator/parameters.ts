/** SSM parameters and Secrets Manager secrets: names with values. */
import { z } from 'zod';
import type { EmulatorContext } from './context.ts';
import { uuid } from './ids.ts';
import { operationOf, pageOf, toSeconds, type Operations } from './operation.ts';
import { ServiceError } from './service-error.ts';

const ssm = operationOf('ssm');
const secretsManager = operationOf('secretsmanager');

const MAX_NAMES = 10;

export interface Parameter {
  readonly name: string;
  readonly value: string;
  readonly type: 'String' | 'StringList' | 'SecureString';
  readonly version: number;
  /** Epoch milliseconds. */
  readonly changedAt: number;
}

export interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly value: string;
  readonly versionId: string;
  readonly createdAt: number;
}

export class Parameters {
  readonly #context: EmulatorContext;
  readonly #parameters = new Map<string, Parameter>();
  readonly #secrets = new Map<string, Secret>();

  constructor(
    context: EmulatorContext,
    earlier: { readonly parameters: readonly Parameter[]; readonly secrets: readonly Secret[] },
  ) {
    this.#context = context;
    for (const parameter of earlier.parameters) this.#parameters.set(parameter.name, parameter);
    for (const secret of earlier.secrets) this.#secrets.set(secret.name, secret);
  }

  get all(): { readonly parameters: readonly Parameter[]; readonly secrets: readonly Secret[] } {
    return { parameters: [...this.#parameters.values()], secrets: [...this.#secrets.values()] };
  }

  putParameter(name: string, value: string, type: Parameter['type'] = 'SecureString'): Parameter {
    const version = (this.#parameters.get(name)?.version ?? 0) + 1;
    const parameter = { name, value, type, version, changedAt: this.#context.clock.now() };
    this.#parameters.set(name, parameter);
    return parameter;
  }

  putSecret(name: string, value: string): Secret {
    const before = this.#secrets.get(name);
    const secret = {
      name,
      arn: before?.arn ?? this.#context.arns.secret(name),
      value,
      versionId: uuid(),
      createdAt: this.#context.clock.now(),
    };
    this.#secrets.set(name, secret);
    return secret;
  }

  /** What `valueFrom` of a container's secret names: a parameter's name or ARN, or a secret's ARN with an optional JSON key. */
  valueFrom(reference: string): string {
    if (!reference.startsWith('arn:')) return this.#parameter(reference).value;
    const [, , service, , , kind, name = '', key = ''] = reference.split(':');
    if (service === 'ssm') return this.#parameter(nameOfParameterArn(reference)).value;
    if (service === 'secretsmanager' && kind === 'secret') {
      const { value } = this.#secret(`${reference.split(':').slice(0, 6).join(':')}:${name}`);
      return key === '' ? value : memberOf(value, key);
    }
    throw new ServiceError('ValidationException', `${reference} names no parameter and no secret`);
  }

  readonly ssmOperations: Operations = {
    PutParameter: ssm(
      z.object({
        Name: z.string().min(1),
        Value: z.string(),
        Type: z.enum(['String', 'StringList', 'SecureString']).optional(),
        Overwrite: z.boolean().default(false),
      }),
      ({ Name, Value, Type, Overwrite }) => {
        const before = this.#parameters.get(Name);
        if (before !== undefined && !Overwrite)
          throw new ServiceError(
            'ParameterAlreadyExists',
            'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
          );
        const { version } = this.putParameter(Name, Value, Type ?? before?.type ?? 'String');
        return { Version: version, Tier: 'Standard' };
      },
    ),
    GetParameter: ssm(
      z.object({ Name: z.string(), WithDecryption: z.boolean().default(false) }),
      ({ Name, WithDecryption }) => ({
        Parameter: this.#describe(this.#parameter(Name), WithDecryption),
      }),
    ),
    GetParameters: ssm(
      z.object({
        Names: z.array(z.string()).min(1).max(MAX_NAMES),
        WithDecryption: z.boolean().default(false),
      }),
      ({ Names, WithDecryption }) => {
        const found = Names.flatMap((name) => this.#parameters.get(nameOfParameterArn(name)) ?? []);
        return {
          Parameters: found.map((parameter) => this.#describe(parameter, WithDecryption)),
          InvalidParameters: Names.filter(
            (name) => !this.#parameters.has(nameOfParameterArn(name)),
          ),
        };
      },
    ),
    GetParametersByPath: ssm(
      z.object({
        Path: z.string().startsWith('/'),
        WithDecryption: z.boolean().default(false),
        MaxResults: z.number().int().min(1).max(MAX_NAMES).default(MAX_NAMES),
        NextToken: z.string().optional(),
      }),
      ({ Path, WithDecryption, MaxResults, NextToken }) => {
        const found = [...this.#parameters.values()].filter(
          ({ name }) => name.slice(0, name.lastIndexOf('/')) === Path.replace(/\/$/, ''),
        );
        const { page, nextToken } = pageOf(found, NextToken, MaxResults);
        return {
          Parameters: page.map((parameter) => this.#describe(parameter, WithDecryption)),
          NextToken: nextToken,
        };
      },
    ),
    DeleteParameter: ssm(z.object({ Name: z.string() }), ({ Name }) => {
      this.#parameters.delete(this.#parameter(Name).name);
      return {};
    }),
  };

  readonly secretOperations: Operations = {
    CreateSecret: secretsManager(
      z.object({ Name: z.string().min(1), SecretString: z.string() }),
      ({ Name, SecretString }) => {
        if (this.#secrets.has(Name))
          throw new ServiceError(
            'ResourceExistsException',
            `The operation failed because the secret ${Name} already exists.`,
          );
        const { arn, name, versionId } = this.putSecret(Name, SecretString);
        return { ARN: arn, Name: name, VersionId: versionId };
      },
    ),
    GetSecretValue: secretsManager(z.object({ SecretId: z.string() }), ({ SecretId }) => {
      const { arn, name, value, versionId, createdAt } = this.#secret(SecretId);
      return {
        ARN: arn,
        Name: name,
        SecretString: value,
        VersionId: versionId,
        VersionStages: ['AWSCURRENT'],
        CreatedDate: toSeconds(createdAt),
      };
    }),
    PutSecretValue: secretsManager(
      z.object({ SecretId: z.string(), SecretString: z.string() }),
      ({ SecretId, SecretString }) => {
        const { arn, name, versionId } = this.putSecret(this.#secret(SecretId).name, SecretString);
        return { ARN: arn, Name: name, VersionId: versionId, VersionStages: ['AWSCURRENT'] };
      },
    ),
  };

  #parameter(reference: string): Parameter {
    const found = this.#parameters.get(nameOfParameterArn(reference));
    if (found === undefined) throw new ServiceError('ParameterNotFound', '');
    return found;
  }

  /** By name or ARN; an ARN may lack the six characters at its end. */
  #secret(reference: string): Secret {
    const found = [...this.#secrets.values()].find(({ name, arn }) =>
      [name, arn, arn.slice(0, arn.lastIndexOf('-'))].includes(reference),
    );
    if (found === undefined)
      throw new ServiceError(
        'ResourceNotFoundException',
        "Secrets Manager can't find the specified secret.",
      );
    return found;
  }

  #describe({ name, value, type, version, changedAt }: Parameter, isDecrypted: boolean): object {
    return {
      Name: name,
      Type: type,
      Value:
        type === 'SecureString' && !isDecrypted ? Buffer.from(value).toString('base64') : value,
      Version: version,
      LastModifiedDate: toSeconds(changedAt),
      ARN: this.#context.arns.parameter(name),
      DataType: 'text',
    };
  }
}

/** The name in a parameter's ARN; a name stays as it is. Names without a slash have none in their ARN either. */
function nameOfParameterArn(reference: string): string {
  if (!reference.startsWith('arn:')) return reference;
  const name = reference.slice(reference.indexOf(':parameter') + ':parameter'.length);
  return name.lastIndexOf('/') === 0 ? name.slice(1) : name;
}

function memberOf(json: string, key: string): string {
  const parsed: unknown = JSON.parse(json);
  const value = Object(parsed)[key] as unknown;
  if (value === undefined)
    throw new ServiceError('ResourceNotFoundException', `the secret has no JSON key ${key}`);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
