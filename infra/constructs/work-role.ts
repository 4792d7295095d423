/**
 * Role of the works of one class.
 *
 * R1 Of the tables it reaches the items of its own class, by leading key, and may read its app's lease; it cannot scan, change or
 *    delete anything. `ForAllValues` holds for requests without a key, so that there is one is a condition too.
 * R2 It reads the secrets that constructed works of the class name, one by one.
 * R3 Works of one class are not isolated from one another, nor are containers on one machine by more than Linux.
 */
import { ArnFormat, aws_iam as iam, Stack, type aws_kms as kms } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { classKeyPrefix, leaseKey } from '../../runtime/backends/aws/contract.ts';
import type { ClassPlan } from '../../runtime/backends/aws/deployment-plan.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { splitPolicies } from './split-policies.ts';
import type { Tables } from './tables.ts';
import { execStatement, inline, keyStatements, taskPrincipal } from './task-trust.ts';

/** Characters of a role's description. */
const MAX_DESCRIPTION = 1_000;
/** Quotes and a comma. */
const JSON_CHARS = 3;

export interface WorkRoleProps {
  readonly app: string;
  readonly plan: ClassPlan;
  readonly tables: Tables;
  readonly secretsPath: string;
  readonly encryptionKey: kms.IKey | undefined;
  readonly allowExec: boolean;
}

export class WorkRole extends Construct {
  readonly role: iam.Role;

  constructor(scope: Construct, id: string, props: WorkRoleProps) {
    super(scope, id);
    const { app, plan, tables, secretsPath, encryptionKey, allowExec } = props;
    const own = `${escapePattern(classKeyPrefix(plan.id))}*`;
    const tableStatements = [
      new iam.PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'],
        resources: [tables.deltas.tableArn],
        conditions: leading([own]),
      }),
      new iam.PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:Query'],
        resources: [tables.state.tableArn],
        conditions: leading([own, escapePattern(leaseKey(app))]),
      }),
      ...keyStatements(this, encryptionKey),
    ];
    const exec = allowExec ? [execStatement()] : [];
    const policies = { Tables: tableStatements, Exec: exec };
    this.role = new iam.Role(this, 'Role', {
      description: `Works of the class ${plan.name}`.slice(0, MAX_DESCRIPTION),
      assumedBy: taskPrincipal(this),
      inlinePolicies: inline(policies),
    });
    acknowledgeWildcards(this.role, exec, 'The channel of ECS Exec knows no resources');
    splitPolicies(this, 'Secrets', {
      role: this.role,
      description: 'Reads the secrets of one class of works',
      items: plan.secrets.map((source) => secretArn(this, source, secretsPath)),
      // Names of account and region are shorter than what stands for them here.
      charsOf: ({ arn }) => arn.length + JSON_CHARS,
      statementsOf: readSecrets,
      wildcards: 'Secrets Manager adds a hyphen and six characters to a name',
    });
  }
}

/** A text that means only itself where IAM takes patterns. */
export function escapePattern(text: string): string {
  return text.replaceAll(/[*?$]/g, (character) => `\${${character}}`);
}

function leading(keys: readonly string[]): Record<string, Record<string, unknown>> {
  return {
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys },
    Null: { 'dynamodb:LeadingKeys': 'false' },
  };
}

function readSecrets(secrets: readonly SecretAccess[]): iam.PolicyStatement[] {
  const actions = [...new Set(secrets.map(({ action }) => action))];
  return actions.map(
    (action) =>
      new iam.PolicyStatement({
        actions: [action],
        resources: secrets.filter((each) => each.action === action).map(({ arn }) => arn),
      }),
  );
}

interface SecretAccess {
  readonly action: 'ssm:GetParameter' | 'secretsmanager:GetSecretValue';
  readonly arn: string;
}

/** `ssm:/path`, `secretsmanager:id` or `env:NAME`, which the deployer's environment is stored as. */
function secretArn(scope: Construct, source: string, secretsPath: string): SecretAccess {
  const colon = source.indexOf(':');
  const [kind, id] = [source.slice(0, colon), source.slice(colon + 1)];
  const stack = Stack.of(scope);
  if (kind === 'secretsmanager') {
    const arn = id.startsWith('arn:')
      ? id
      : stack.formatArn({
          service: 'secretsmanager',
          resource: 'secret',
          // Secrets Manager adds a hyphen and six characters to the name.
          resourceName: `${id}-??????`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        });
    return { action: 'secretsmanager:GetSecretValue', arn };
  }
  const name = kind === 'env' ? `${secretsPath}/${id}` : id;
  const arn = name.startsWith('arn:')
    ? name
    : stack.formatArn({
        service: 'ssm',
        resource: 'parameter',
        resourceName: name.replace(/^\//, ''),
      });
  return { action: 'ssm:GetParameter', arn };
}
