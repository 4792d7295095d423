/**
 * Role of the works of one class.
 *
 * R1 Of the tables it reaches the items of its own class, by leading key, and may read its app's lease; it cannot scan, change or
 *    delete anything. `ForAllValues` holds for requests without a key, so that there is one is a condition too.
 * R2 It reads the secrets that constructed works of the class name, one by one.
 * R3 It reads the S3 folders that constructed works of the class mount, and lists nothing else of their buckets.
 * R4 Works of one class are not isolated from one another, nor are containers on one machine by more than Linux.
 */
import { ArnFormat, aws_iam as iam, Stack, type aws_kms as kms } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { classKeyPrefix, leaseKey, s3FolderOf } from '../../runtime/backends/aws/contract.ts';
import type { ClassPlan } from '../../runtime/backends/aws/deployment-plan.ts';
import { acknowledgeWildcards } from './acknowledge.ts';
import { splitPolicies } from './split-policies.ts';
import type { Tables } from './tables.ts';
import { execStatement, inline, keyStatements, taskPrincipal } from './task-trust.ts';

/** Characters of a role's description. */
const MAX_DESCRIPTION = 1_000;
/** Of the two statements that let a folder be read, without its name. */
const FOLDER_STATEMENTS_CHARS = 300;
/** Quotes and a comma. */
const JSON_CHARS = 3;

type S3Folder = NonNullable<ReturnType<typeof s3FolderOf>>;

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
      items: plan.secrets.map((source) => secretAccess(this, source, secretsPath)),
      // Names of account and region are shorter than what stands for them here.
      charsOf: ({ arns }) => arns.reduce((sum, arn) => sum + arn.length + JSON_CHARS, 0),
      statementsOf: readSecrets,
      wildcards: 'Secrets Manager adds a hyphen and six characters to a name',
    });
    splitPolicies(this, 'Mounts', {
      role: this.role,
      description: 'Reads the S3 folders that one class of works mounts',
      items: this.#folders(plan),
      charsOf: ({ bucket, prefix }) =>
        FOLDER_STATEMENTS_CHARS + 2 * (bucket.length + escapePattern(prefix).length),
      statementsOf: (folders) => folders.flatMap((folder) => this.#readFolder(folder)),
      wildcards: 'All objects of the folders that the works name in `mounts`, and nothing else',
    });
  }
  /** Of all its constructed works, each once. */
  #folders({ variants }: ClassPlan): S3Folder[] {
    const sources = Object.values(variants).flatMap(({ mounts }) => mounts);
    const folders = sources.flatMap(({ source }) => s3FolderOf(source) ?? []);
    return [
      ...new Map(folders.map((folder) => [`${folder.bucket}/${folder.prefix}`, folder])).values(),
    ];
  }

  #readFolder({ bucket, prefix }: S3Folder): iam.PolicyStatement[] {
    const { partition } = Stack.of(this);
    const pattern = `${escapePattern(prefix)}*`;
    return [
      new iam.PolicyStatement({
        actions: ['s3:GetObject'],
        resources: [`arn:${partition}:s3:::${bucket}/${pattern}`],
      }),
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [`arn:${partition}:s3:::${bucket}`],
        // Who lists a whole bucket need not name a prefix.
        ...(prefix === '' ? {} : { conditions: { StringLike: { 's3:prefix': pattern } } }),
      }),
    ];
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
        resources: secrets.filter((each) => each.action === action).flatMap(({ arns }) => arns),
      }),
  );
}

interface SecretAccess {
  readonly action: 'ssm:GetParameter' | 'secretsmanager:GetSecretValue';
  readonly arns: readonly string[];
}

/** `ssm:/path`, `secretsmanager:id` or `env:NAME`, which the deployer's environment is stored as. */
function secretAccess(scope: Construct, source: string, secretsPath: string): SecretAccess {
  const colon = source.indexOf(':');
  const [kind, id] = [source.slice(0, colon), source.slice(colon + 1)];
  const stack = Stack.of(scope);
  if (kind === 'secretsmanager') {
    const action = 'secretsmanager:GetSecretValue';
    // To a name, Secrets Manager adds a hyphen and six characters; an ARN is taken with and without them.
    if (id.startsWith('arn:')) return { action, arns: [id, `${id}-??????`] };
    const arn = stack.formatArn({
      service: 'secretsmanager',
      resource: 'secret',
      resourceName: `${id}-??????`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return { action, arns: [arn] };
  }
  const name = kind === 'env' ? `${secretsPath}/${id}` : id;
  const arn = name.startsWith('arn:')
    ? name
    : stack.formatArn({
        service: 'ssm',
        resource: 'parameter',
        resourceName: name.replace(/^\//, ''),
      });
  return { action: 'ssm:GetParameter', arns: [arn] };
}
