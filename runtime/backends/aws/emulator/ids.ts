import { randomBytes, randomUUID } from 'node:crypto';

/** Digits of an account that nobody has. */
export const ACCOUNT_ID = '000000000000';

/** As `i-0f…`: a prefix and 17 hex digits. */
export function resourceId(prefix: string): string {
  return `${prefix}-0${randomBytes(8).toString('hex')}`;
}

/** 32 hex digits, as tasks and container instances have. */
export function longId(): string {
  return randomBytes(16).toString('hex');
}

/** As requests and activities have. */
export function uuid(): string {
  return randomUUID();
}

/** The last part of an ARN, or a name as it is. */
export function nameOf(arnOrName: string): string {
  return arnOrName.slice(arnOrName.lastIndexOf('/') + 1);
}

/** Makes the ARNs of one region. */
export class Arns {
  readonly #region: string;

  constructor(region: string) {
    this.#region = region;
  }

  cluster(name: string): string {
    return this.#of('ecs', `cluster/${name}`);
  }

  task(cluster: string, id: string): string {
    return this.#of('ecs', `task/${cluster}/${id}`);
  }

  container(cluster: string, task: string, id: string): string {
    return this.#of('ecs', `container/${cluster}/${task}/${id}`);
  }

  containerInstance(cluster: string, id: string): string {
    return this.#of('ecs', `container-instance/${cluster}/${id}`);
  }

  service(cluster: string, name: string): string {
    return this.#of('ecs', `service/${cluster}/${name}`);
  }

  taskDefinition(family: string, revision: number): string {
    return this.#of('ecs', `task-definition/${family}:${revision}`);
  }

  capacityProvider(name: string): string {
    return this.#of('ecs', `capacity-provider/${name}`);
  }

  autoScalingGroup(name: string): string {
    return this.#of('autoscaling', `autoScalingGroup:${uuid()}:autoScalingGroupName/${name}`);
  }

  logGroup(name: string): string {
    return this.#of('logs', `log-group:${name}`);
  }

  parameter(name: string): string {
    return this.#of('ssm', `parameter${name.startsWith('/') ? '' : '/'}${name}`);
  }

  secret(name: string): string {
    return this.#of('secretsmanager', `secret:${name}-${randomBytes(3).toString('hex')}`);
  }

  #of(service: string, resource: string): string {
    return `arn:aws:${service}:${this.#region}:${ACCOUNT_ID}:${resource}`;
  }
}
