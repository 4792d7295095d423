/** What the roles of a template may do, statement by statement, as a person reads it. */
import { z } from 'zod';
import type { StackTemplate } from './stack-template.ts';

const PATH = 'aws:cdk:path';

const one = z.union([z.string(), z.record(z.string(), z.unknown())]);
const several = z.union([z.array(one), one]).transform((value) => [value].flat());
const statementSchema = z.object({
  Effect: z.string(),
  Action: several.optional(),
  NotAction: several.optional(),
  Resource: several.optional(),
  NotResource: several.optional(),
  Condition: z.record(z.string(), z.unknown()).optional(),
});
const document = z.object({
  Statement: z
    .union([z.array(statementSchema), statementSchema])
    .transform((value) => [value].flat()),
});
const reference = z.object({ Ref: z.string() });
const policySchema = z.object({ PolicyDocument: document, Roles: z.array(reference).default([]) });
const roleSchema = z.object({
  Policies: z.array(z.object({ PolicyDocument: document })).default([]),
  ManagedPolicyArns: z.array(z.unknown()).default([]),
});

/** Schema of {@link RoleStatements}. */
export const roleStatementsSchema = z.object({
  role: z.string().describe('path of its construct'),
  statements: z.array(
    z.object({
      effect: z.string(),
      actions: z.array(z.string()).describe('with a leading ! where all others are meant'),
      resources: z.array(z.string()).describe('with a leading ! where all others are meant'),
      conditions: z.string().nullable().describe('JSON'),
    }),
  ),
  managedPolicies: z.array(z.string()),
});

export type RoleStatements = z.infer<typeof roleStatementsSchema>;

/** By role, in the order of the template. */
export function roleStatements({ Resources: resources }: StackTemplate): RoleStatements[] {
  const found = new Map<string, RoleStatements>();
  for (const [id, { Type, Properties, Metadata }] of Object.entries(resources)) {
    if (Type !== 'AWS::IAM::Role') continue;
    const { Policies, ManagedPolicyArns } = roleSchema.parse(Properties ?? {});
    const path = Metadata?.[PATH];
    found.set(id, {
      role: typeof path === 'string' ? path.split('/').slice(1, -1).join('/') : id,
      statements: Policies.flatMap(({ PolicyDocument }) => toStatements(PolicyDocument)),
      // Those of the stack itself are told statement by statement.
      managedPolicies: ManagedPolicyArns.filter((arn) => !reference.safeParse(arn).success).map(
        toText,
      ),
    });
  }
  for (const { Type, Properties } of Object.values(resources)) {
    if (Type !== 'AWS::IAM::Policy' && Type !== 'AWS::IAM::ManagedPolicy') continue;
    const { PolicyDocument, Roles } = policySchema.parse(Properties ?? {});
    for (const { Ref } of Roles) found.get(Ref)?.statements.push(...toStatements(PolicyDocument));
  }
  return [...found.values()];
}

function toStatements({ Statement }: z.output<typeof document>): RoleStatements['statements'] {
  return Statement.map(({ Effect, Action, NotAction, Resource, NotResource, Condition }) => ({
    effect: Effect,
    actions: [...texts(Action), ...texts(NotAction).map((text) => `!${text}`)],
    resources: [...texts(Resource), ...texts(NotResource).map((text) => `!${text}`)],
    conditions: Condition === undefined ? null : JSON.stringify(plain(Condition)),
  }));
}

function texts(values: readonly unknown[] = []): string[] {
  return values.map(toText);
}

/** A text of a template, with what only AWS knows in `${}`. */
function toText(value: unknown): string {
  const text = plain(value);
  return typeof text === 'string' ? text : JSON.stringify(text);
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [[kind, argument] = ['', undefined]] = entries;
  if (entries.length === 1) {
    if (kind === 'Ref') return `\${${String(argument)}}`;
    if (kind === 'Fn::GetAtt' && Array.isArray(argument)) return `\${${argument.join('.')}}`;
    if (kind === 'Fn::Sub' && typeof argument === 'string') return argument;
    if (kind === 'Fn::Join' && Array.isArray(argument)) {
      const [separator, parts] = argument as [unknown, unknown];
      if (Array.isArray(parts)) return parts.map(toText).join(String(separator));
    }
  }
  return Object.fromEntries(entries.map(([key, each]) => [key, plain(each)]));
}
