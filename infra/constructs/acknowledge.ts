/**
 * Findings of cdk-nag about wildcards that are meant, each by its exact text: a wildcard that is added later is found again.
 */
import { Stack, Validations, type aws_iam as iam } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Acknowledges the wildcards of statements on a role or policy that has them. */
export function acknowledgeWildcards(
  scope: IConstruct,
  statements: readonly iam.PolicyStatement[],
  reason: string,
): void {
  const stack = Stack.of(scope);
  const resources = statements.flatMap((statement) =>
    statement.resources.map((resource) => flat(stack.resolve(resource))),
  );
  const wild = [...new Set(resources)].filter((resource) => resource.includes('*'));
  Validations.of(scope).acknowledge(
    ...wild.map((resource) => ({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason })),
  );
}

/** A value of a template as cdk-nag writes it. */
function flat(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  const { Ref: ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Record<string, unknown>;
  if (typeof ref === 'string') return `<${ref}>`;
  if (Array.isArray(attribute)) return `<${attribute.map(flat).join('.')}>`;
  const [separator, parts]: readonly unknown[] = Array.isArray(join) ? join : [];
  return Array.isArray(parts) ? parts.map(flat).join(flat(separator)) : JSON.stringify(value);
}
