/**
 * Permissions that grow with an app, in managed policies.
 *
 * P1 What stands inside of a role may have 10,240 characters in all; the CDK divides only what is added to a role later. A managed
 *    policy may have 6,144, and a role ten of them.
 * P2 Items keep the app's order, so that one more changes the last policy only.
 */
import { aws_iam as iam } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledgeWildcards } from './acknowledge.ts';

const MAX_POLICY_CHARS = 6_144;
/** Of them, for all of a document but its items: actions, conditions, what JSON needs. */
const FRAME_CHARS = 900;

export interface SplitPoliciesProps<T> {
  readonly role: iam.IRole;
  /** Of each policy. CloudFormation makes a policy anew when it changes. */
  readonly description: string;
  readonly items: readonly T[];
  /** Characters that an item adds to a document at most, when AWS has put in its names. */
  readonly charsOf: (item: T) => number;
  readonly statementsOf: (items: readonly T[]) => readonly iam.PolicyStatement[];
  /** Why there are wildcards. */
  readonly wildcards: string;
}

/** As many policies as the items need; none without any. They are children of a construct with this id. */
export function splitPolicies<T>(
  scope: Construct,
  id: string,
  { role, description, items, charsOf, statementsOf, wildcards }: SplitPoliciesProps<T>,
): iam.ManagedPolicy[] {
  const place = new Construct(scope, id);
  return divide(items, charsOf).map((part, index) => {
    const statements = [...statementsOf(part)];
    const policy = new iam.ManagedPolicy(place, `Part${index + 1}`, {
      description,
      statements,
      roles: [role],
    });
    acknowledgeWildcards(policy, statements, wildcards);
    return policy;
  });
}

function divide<T>(items: readonly T[], charsOf: (item: T) => number): T[][] {
  const parts: T[][] = [];
  let room = 0;
  for (const item of items) {
    const chars = charsOf(item);
    const last = parts.at(-1);
    if (last === undefined || chars > room) {
      parts.push([item]);
      room = MAX_POLICY_CHARS - FRAME_CHARS - chars;
    } else {
      last.push(item);
      room -= chars;
    }
  }
  return parts;
}
