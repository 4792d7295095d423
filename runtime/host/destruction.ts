/**
 * The end of a deployed app.
 *
 * E1 Whatever would keep the stack from being deleted is found before anything of the app is touched.
 * E2 Until CloudFormation has been told to delete the stack, everything that was done can be taken back: `resume` does it.
 */
import type { AwsClients } from '../backends/aws/clients.ts';
import { secretsPathOf } from '../backends/aws/contract.ts';
import { DRAIN_SERVICES, drainApp, reopenGroups } from '../backends/aws/operate/drain.ts';
import { removeSecrets } from '../backends/aws/operate/env-secrets.ts';
import { foreignResources } from '../backends/aws/operate/foreign-resources.ts';
import { protectTables } from '../backends/aws/operate/keep-tables.ts';
import {
  checkDeleted,
  deleteStack,
  groupsAmong,
  resourcesOf,
  templateOf,
  type StackFacts,
  type StackResource,
} from '../backends/aws/operate/stack.ts';
import { appError } from '../errors/index.ts';
import { parseTemplate } from './stack-template.ts';

export const DESTROY_SERVICES = ['cloudFormation', 'ssm', 'dynamodb', ...DRAIN_SERVICES] as const;
type Clients = Pick<AwsClients, (typeof DESTROY_SERVICES)[number]>;

/** States in which CloudFormation refuses to delete a stack. */
const BUSY = /^(UPDATE|IMPORT)_.*IN_PROGRESS$|^ROLLBACK_IN_PROGRESS$/;

export interface DestroyOptions {
  readonly pollMs: number;
  readonly deadlineMs: number;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

interface Parts {
  readonly app: string;
  readonly facts: StackFacts;
  readonly clients: Clients;
  readonly groups: readonly string[];
  /** Tables that stay: all of them when that was asked for, else those that the stack itself keeps. */
  readonly kept: readonly StackResource[];
  /** Whether they must be protected from deletion for it. */
  readonly isProtecting: boolean;
}

const TABLE = 'AWS::DynamoDB::Table';
/** Policies by which CloudFormation leaves a resource that was in use. */
const KEEPING: ReadonlySet<string> = new Set(['Retain', 'RetainExceptOnCreate']);

export class Destruction {
  /** Whether CloudFormation was told to delete the stack: from then on nothing can be taken back (E2). */
  isFinal = false;
  readonly #parts: Parts;

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Looks at everything that could be in the way (E1).
   *
   * @throws `DESTROY_PROTECTED`, `DESTROY_STACK_BUSY`, `DESTROY_STACK_SHARED`, `DESTROY_TABLES_UNKNOWN`
   */
  static async prepare(
    app: string,
    facts: StackFacts,
    clients: Clients,
    { keepState }: { readonly keepState: boolean },
  ): Promise<Destruction> {
    const { name: stack, status } = facts;
    if (facts.isProtected) throw appError('DESTROY_PROTECTED', { stack });
    if (BUSY.test(status)) throw appError('DESTROY_STACK_BUSY', { stack, status });
    const { cloudFormation } = clients;
    const template = await templateOf(cloudFormation, facts);
    const foreign = foreignResources(template, app);
    if (foreign.length > 0) throw appError('DESTROY_STACK_SHARED', { app, stack, foreign });
    const resources = await resourcesOf(cloudFormation, facts);
    const kept = keepState ? tablesOf(facts, resources) : retainedTables(template, resources);
    const groups = groupsAmong(resources);
    return new Destruction({ app, facts, clients, groups, kept, isProtecting: keepState });
  }

  /** Names of the tables that stay. */
  get kept(): readonly string[] {
    return this.#parts.kept.map(({ name }) => name);
  }

  /**
   * Ends everything that costs money, and only then deletes the stack.
   *
   * @throws `DESTROY_LEFT`, `DESTROY_STACK_FAILED`
   */
  async run(options: DestroyOptions): Promise<void> {
    const { app, facts, clients, kept } = this.#parts;
    const { outputs, name: stack } = facts;
    await this.#drain(options);
    await removeSecrets(clients.ssm, outputs.secretsPath ?? secretsPathOf(app));
    options.progress(`deleting the stack ${stack}`);
    this.isFinal = true;
    let failed = await deleteStack(clients.cloudFormation, facts, options);
    const ids = new Set(kept.map(({ id }) => id));
    const retain = [...failed.keys()].filter((id) => ids.has(id));
    // A protected table cannot be deleted; now CloudFormation may be told to leave it.
    if (retain.length > 0)
      failed = await deleteStack(clients.cloudFormation, facts, { ...options, retain });
    checkDeleted(stack, failed);
  }

  /** E2 */
  async #drain(options: DestroyOptions): Promise<void> {
    const { app, facts, clients, groups, isProtecting } = this.#parts;
    const { cluster, service } = facts.outputs;
    try {
      if (cluster !== undefined && service !== undefined)
        await drainApp(clients, { app, cluster, service, groups }, options);
      if (isProtecting) await protectTables(clients.dynamodb, this.kept);
    } catch (error) {
      await reopenGroups(clients, groups).catch((problem: unknown) =>
        options.progress(String(problem)),
      );
      throw error;
    }
  }
}

/** @throws `DESTROY_TABLES_UNKNOWN` */
function tablesOf(
  { name: stack, outputs }: StackFacts,
  resources: readonly StackResource[],
): readonly StackResource[] {
  const names = [outputs.stateTable, outputs.deltasTable];
  const found = names.flatMap((name) => resources.find((each) => each.name === name) ?? []);
  if (found.length !== names.length) throw appError('DESTROY_TABLES_UNKNOWN', { stack });
  return found;
}

/** Tables that CloudFormation leaves when it deletes their stack. */
function retainedTables(
  template: string,
  resources: readonly StackResource[],
): readonly StackResource[] {
  const { Resources: made } = parseTemplate(template);
  return resources.filter(
    ({ id, type }) => type === TABLE && KEEPING.has(made[id]?.DeletionPolicy ?? ''),
  );
}
