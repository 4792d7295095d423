/** What `-c name=value` says, as properties. */
import {
  aws_certificatemanager as acm,
  aws_ec2 as ec2,
  aws_logs as logs,
  aws_route53 as route53,
  Duration,
  type Stack,
} from 'aws-cdk-lib';
import { z } from 'zod';
import { CDK_CONTEXT } from '../runtime/backends/aws/contract.ts';
import { appError } from '../runtime/errors/index.ts';
import { NETWORK_KINDS, UI_KINDS, type StormkiteAppProps } from './stormkite-app-props.ts';

const text = z.string().min(1);
const list = text.transform((value) => value.split(',').map((part) => part.trim()));
const flag = z.union([
  z.boolean(),
  z.enum(['true', 'false']).transform((value) => value === 'true'),
]);
const positive = z.coerce.number().positive();
const STACK_NAME = /^[A-Za-z][A-Za-z0-9-]{0,127}$/;

/** Every value that `infra/main.ts` takes, with what it must be. */
const CONTEXT = {
  [CDK_CONTEXT.name]: [text, 'a name of 1 to 64 characters'],
  stackName: [z.string().regex(STACK_NAME), 'a letter, then up to 127 letters, digits and hyphens'],
  ui: [z.enum(UI_KINDS), `one of ${UI_KINDS.join(', ')}`],
  network: [z.enum(NETWORK_KINDS), `one of ${NETWORK_KINDS.join(', ')}`],
  vpcId: [z.string().startsWith('vpc-'), 'the id of a VPC'],
  allowedCidrs: [list, 'ranges such as 203.0.113.0/24, with commas between them'],
  domainName: [text, 'a host name'],
  hostedZoneId: [text, 'the id of a hosted zone in Route 53'],
  hostedZoneName: [text, 'the name of that hosted zone'],
  certificateArn: [z.string().startsWith('arn:'), 'the ARN of a certificate'],
  logRetentionDays: [
    z.coerce.number().refine(isRetention),
    'a number of days that CloudWatch knows, such as 1, 7, 30 or 365',
  ],
  maxInstances: [z.coerce.number().int().positive(), 'a whole number of machines'],
  budget: [positive, 'US dollars a month'],
  budgetEmail: [z.email(), 'a mail address'],
  flowLostMinutes: [positive, 'minutes'],
  nodeImage: [text, 'an image with Node 22'],
  [CDK_CONTEXT.prices]: [text, 'the path of a price list'],
  [CDK_CONTEXT.keepState]: [flag, 'true or false'],
} as const satisfies Readonly<Record<string, readonly [z.ZodType, string]>>;

type Context = { readonly [K in keyof typeof CONTEXT]?: z.output<(typeof CONTEXT)[K][0]> };

function isRetention(days: number): boolean {
  return Object.values(logs.RetentionDays).some((known) => Number(known) === days);
}

/** @throws `INFRA_APP_MISSING`, `INFRA_PROP_INVALID` */
export function readContext(get: (name: string) => unknown): { readonly entry: string } & Context {
  const entry = get(CDK_CONTEXT.app);
  if (typeof entry !== 'string' || entry === '') throw appError('INFRA_APP_MISSING', {});
  const found: Record<string, unknown> = { entry };
  for (const [name, [schema, allowed]] of Object.entries(CONTEXT)) {
    const value = get(name);
    if (value === undefined) continue;
    const parsed = schema.safeParse(value);
    if (!parsed.success) throw invalid(name, value, allowed);
    found[name] = parsed.data;
  }
  const context = found as { readonly entry: string } & Context;
  for (const [one, other] of [
    ['budget', 'budgetEmail'],
    ['hostedZoneId', 'hostedZoneName'],
  ] as const)
    requireBoth(context, one, other);
  return context;
}

function requireBoth(context: Context, one: keyof Context, other: keyof Context): void {
  const [missing, given] = context[one] === undefined ? [one, other] : [other, one];
  if (context[missing] === undefined && context[given] !== undefined)
    throw invalid(missing, undefined, `a value beside ${given}: ${CONTEXT[missing][1]}`);
}

/** What of it goes into the construct; looks up what it names. */
export function toProps(stack: Stack, context: ReturnType<typeof readContext>): StormkiteAppProps {
  const {
    entry,
    name,
    ui,
    network,
    allowedCidrs,
    domainName,
    maxInstances,
    nodeImage,
    prices,
    keepState,
  } = context;
  const {
    vpcId,
    hostedZoneId,
    hostedZoneName,
    certificateArn,
    logRetentionDays,
    budget,
    budgetEmail,
    flowLostMinutes,
  } = context;
  return defined({
    entry,
    name,
    ui,
    network,
    allowedCidrs,
    domainName,
    maxInstances,
    nodeImage,
    prices,
    keepState,
    vpc: vpcId && ec2.Vpc.fromLookup(stack, 'Vpc', { vpcId }),
    hostedZone:
      hostedZoneId &&
      route53.HostedZone.fromHostedZoneAttributes(stack, 'Zone', {
        hostedZoneId,
        zoneName: hostedZoneName ?? '',
      }),
    certificate:
      certificateArn && acm.Certificate.fromCertificateArn(stack, 'Certificate', certificateArn),
    logRetention: logRetentionDays,
    flowLostAfter: flowLostMinutes && Duration.minutes(flowLostMinutes),
    budget:
      budget === undefined || budgetEmail === undefined
        ? undefined
        : { dollarsPerMonth: budget, email: budgetEmail },
  }) as unknown as StormkiteAppProps;
}

function defined(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function invalid(prop: string, value: unknown, allowed: string): Error {
  return appError('INFRA_PROP_INVALID', {
    prop: `-c ${prop}`,
    value: value === undefined ? 'missing' : JSON.stringify(value),
    allowed,
  });
}
