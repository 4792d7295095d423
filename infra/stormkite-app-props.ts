import type {
  aws_certificatemanager as acm,
  aws_ec2 as ec2,
  aws_ecs as ecs,
  aws_iam as iam,
  aws_kms as kms,
  aws_logs as logs,
  aws_route53 as route53,
  Duration,
  SecretValue,
} from 'aws-cdk-lib';

/** Ways in to an app's dashboard and API. */
export const UI_KINDS = ['tunnel', 'none', 'direct', 'alb'] as const;
export type UiKind = (typeof UI_KINDS)[number];

export const NETWORK_KINDS = ['public', 'private'] as const;
export type NetworkKind = (typeof NETWORK_KINDS)[number];

/** Sign-in in front of the dashboard (`ui: 'alb'`), by any OpenID Connect provider. */
export interface OidcProps {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userInfoEndpoint: string;
  readonly clientId: string;
  /** Kept in Secrets Manager; a text in source code would end up in the template. */
  readonly clientSecret: SecretValue;
}

/** A monthly budget that warns by mail; it stops nothing. */
export interface BudgetProps {
  /** US dollars. */
  readonly dollarsPerMonth: number;
  /** Hears when four fifths are spent, and when more than all of it is forecast. */
  readonly email: string;
}

/** Properties of a {@link StormkiteApp}. */
export interface StormkiteAppProps {
  /** The file that exports the `App`, absolute or from the working directory. */
  readonly entry: string;

  /**
   * Name of the app, by which the command line finds it. One account and region has each name once.
   *
   * @default - the folder of an `app.ts`, else the file's own name
   */
  readonly name?: string;

  /**
   * Network of the flow and the works.
   *
   * @default - a new one with two public subnets, free gateway endpoints and no NAT; with `cluster`, that of the cluster
   */
  readonly vpc?: ec2.IVpc;

  /**
   * `public`: tasks and machines have public addresses, and nothing may connect to them. `private`: no public addresses; a new
   * network then has interface endpoints (about $7.30 a month each and zone), an existing one must have a way to AWS.
   *
   * @default 'public'
   */
  readonly network?: NetworkKind;

  /** Subnets of `vpc`. @default - all that are public, or private, as `network` says */
  readonly subnets?: ec2.SubnetSelection;

  /**
   * Cluster that is made in the same stack. A cluster has one list of capacity providers, which the stack that makes it keeps:
   * another one could only replace the whole list.
   *
   * @default - a new one
   */
  readonly cluster?: ecs.Cluster;

  /**
   * How people and the command line reach the app.
   *
   * - `tunnel`: an SSM session to the flow's task; no load balancer, nothing open.
   * - `none`: nobody does.
   * - `direct`: also at the task's address, from `allowedCidrs` only. It is plain HTTP and the address changes.
   * - `alb`: also at a load balancer with HTTPS (about $24 a month); wants `domainName`, and `certificate` or `hostedZone`.
   *
   * @default 'tunnel'
   */
  readonly ui?: UiKind;

  /** Address ranges that may connect. @default - none; with `oidc`, all */
  readonly allowedCidrs?: readonly string[];

  /** Name under which the load balancer is reached; `ui: 'alb'` wants one. @default - none */
  readonly domainName?: string;

  /** Zone that gets the record of `domainName`. @default - none: make the record yourself, an output names its target */
  readonly hostedZone?: route53.IHostedZone;

  /** Certificate of the load balancer. @default - one for `domainName`, validated in `hostedZone` */
  readonly certificate?: acm.ICertificate;

  /** Sign-in in front of the app, beside its own token. @default - none */
  readonly oidc?: OidcProps;

  /** Key for tables, logs and the token. @default - keys that AWS owns, which cost nothing */
  readonly encryptionKey?: kms.IKey;

  /** Boundary of every role that is made here. @default - none */
  readonly permissionsBoundary?: iam.IManagedPolicy;

  /** How long logs are kept. @default - one week */
  readonly logRetention?: logs.RetentionDays;

  /** Warns when the app costs more than it should. Needs the cost allocation tag `stormkite:app`. @default - none */
  readonly budget?: BudgetProps;

  /**
   * Machines that the app may have at most at a time, for each kind of hardware: a number for all, or by `CloudCompute` name
   * (with `-spot` for interruptible ones).
   *
   * @default 20
   */
  readonly maxInstances?: number | Readonly<Record<string, number>>;

  /**
   * How long works go on without a flow. A work whose flow has not renewed its lease for so long ends itself, so that nothing is
   * paid for that nobody looks after.
   *
   * @default Duration.minutes(15)
   */
  readonly flowLostAfter?: Duration;

  /**
   * Image with Node 22 for the flow, which is ARM, and for works without an image of their own, most of which are x86.
   *
   * @default - the public one of Docker on Amazon ECR
   */
  readonly nodeImage?: string;

  /** File with a price list, as `stormkite prices --json` prints it, for what the app shows of its costs. @default - the list of us-east-1 that Stormkite ships */
  readonly prices?: string;

  /**
   * Keep the tables when the app is removed from its stack. Without it, they are deleted; of `State`, DynamoDB keeps a system
   * backup for 35 days.
   *
   * @default false
   */
  readonly keepState?: boolean;
}
