/** CloudFormation at the HTTP level, for one stack: what it was asked, in order, and an end that a test can watch. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { outputKeyOf, stackNameOf, type StackOutput } from '../../runtime/backends/aws/contract.ts';
import type { EmulatedApp } from './emulated-rig.ts';

const NAMESPACE = 'http://cloudformation.amazonaws.com/doc/2010-05-15/';

export interface ScriptedStack {
  readonly name: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** Logical id to type and physical id. */
  readonly resources: Readonly<Record<string, readonly [type: string, physicalId: string]>>;
  /** Paths of resources that are not below the construct of the app, by logical id. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Logical ids of resources that the template keeps, with the policy. */
  readonly policies?: Readonly<Record<string, string>>;
  readonly isProtected?: boolean;
}

/** CloudFormation lists so many resources at a time. */
const PAGE = 100;

export class ScriptedCloudFormation {
  /** Names of operations, in order. */
  readonly calls: string[] = [];
  /** Regions that requests were for. */
  readonly regions = new Set<string>();
  /** Logical ids that each deletion was told to leave. */
  readonly retained: string[][] = [];
  /** Operations that the caller has no permission for. */
  readonly refused = new Set<string>();
  /**
   * Called when the stack is to be deleted; gives what cannot be, with the reason. Of a deletion that goes on already the events were
   * told before.
   */
  onDelete: (retain: readonly string[]) => Readonly<Record<string, string>> = () => ({});
  readonly #stack: ScriptedStack;
  readonly #server: Server;
  readonly #events: string[] = [];
  #failed: Readonly<Record<string, string>> = {};
  /** `null`: it is gone. */
  status: string | null = 'CREATE_COMPLETE';

  private constructor(stack: ScriptedStack) {
    this.#stack = stack;
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        const [, , region = ''] = request.headers.authorization?.split('/') ?? [];
        this.regions.add(region);
        const [code, text] = this.#answer(new URLSearchParams(body));
        response.writeHead(code, { 'content-type': 'text/xml' }).end(text);
      });
    });
  }

  static async open(stack: ScriptedStack): Promise<ScriptedCloudFormation> {
    const made = new ScriptedCloudFormation(stack);
    made.#server.listen(0, '127.0.0.1');
    await once(made.#server, 'listening');
    return made;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether the stack is gone. */
  get isGone(): boolean {
    return this.status === null;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(input: URLSearchParams): readonly [code: number, text: string] {
    const action = input.get('Action') ?? '';
    this.calls.push(action);
    if (this.refused.has(action)) return [403, error(`not allowed to call ${action}`)];
    const asked = input.get('StackName') ?? '';
    if (action === 'DescribeStacks' && asked === '') {
      const all = this.status === null ? '' : `<member>${this.#describe()}</member>`;
      return [200, result(action, `<Stacks>${all}</Stacks>`)];
    }
    if (this.status === null || (asked !== this.#id && asked !== this.#stack.name))
      return [400, error(`Stack with id ${asked} does not exist`)];
    switch (action) {
      case 'DescribeStacks':
        return [200, result(action, `<Stacks><member>${this.#describe()}</member></Stacks>`)];
      case 'ListStackResources':
        return [200, result(action, this.#resources(Number(input.get('NextToken') ?? 0)))];
      case 'GetTemplate':
        return [200, result(action, `<TemplateBody>${escaped(this.#template())}</TemplateBody>`)];
      case 'DescribeStackEvents':
        return [
          200,
          result(action, `<StackEvents>${this.#events.toReversed().join('')}</StackEvents>`),
        ];
      case 'DeleteStack':
        this.#delete(input);
        return [200, result(action, '')];
      default:
        return [400, error(`no ${action} here`)];
    }
  }

  get #id(): string {
    return `arn:aws:cloudformation:us-east-1:123456789012:stack/${this.#stack.name}/1`;
  }

  #delete(input: URLSearchParams): void {
    const retain = [...input].flatMap(([key, value]) =>
      key.startsWith('RetainResources.') ? [value] : [],
    );
    this.retained.push(retain);
    this.#failed = this.onDelete(retain);
    const failed = Object.entries(this.#failed);
    if (this.status !== 'DELETE_IN_PROGRESS')
      for (const [id, reason] of failed) this.#tell(id, 'DELETE_FAILED', reason);
    this.status = failed.length > 0 ? 'DELETE_FAILED' : null;
  }

  #tell(id: string, status: string, reason: string): void {
    this.#events.push(
      `<member><EventId>${this.#events.length + 1}</EventId><LogicalResourceId>${id}</LogicalResourceId><PhysicalResourceId>${id}</PhysicalResourceId><ResourceStatus>${status}</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason></member>`,
    );
  }

  #describe(): string {
    const { name, outputs } = this.#stack;
    const members = Object.entries(outputs).map(
      ([key, value]) =>
        `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`,
    );
    return `<StackId>${this.#id}</StackId><StackName>${name}</StackName><StackStatus>${this.status}</StackStatus>${this.#reason()}<EnableTerminationProtection>${this.#stack.isProtected ?? false}</EnableTerminationProtection><CreationTime>2026-11-25T00:00:00Z</CreationTime><Outputs>${members.join('')}</Outputs>`;
  }

  #reason(): string {
    if (this.status !== 'DELETE_FAILED') return '';
    const failed = Object.keys(this.#failed).join(', ');
    return `<StackStatusReason>The following resource(s) failed to delete: [${failed}].</StackStatusReason>`;
  }

  #resources(from: number): string {
    const all = Object.entries(this.#stack.resources);
    const members = all
      .slice(from, from + PAGE)
      .map(
        ([id, [type, physicalId]]) =>
          `<member><LogicalResourceId>${id}</LogicalResourceId><PhysicalResourceId>${physicalId}</PhysicalResourceId><ResourceType>${type}</ResourceType>${this.#statusOf(id)}<LastUpdatedTimestamp>2026-11-25T00:00:00Z</LastUpdatedTimestamp></member>`,
      );
    const next = from + PAGE < all.length ? `<NextToken>${from + PAGE}</NextToken>` : '';
    return `<StackResourceSummaries>${members.join('')}</StackResourceSummaries>${next}`;
  }

  #statusOf(id: string): string {
    const reason = this.#failed[id];
    return reason === undefined
      ? '<ResourceStatus>CREATE_COMPLETE</ResourceStatus>'
      : `<ResourceStatus>DELETE_FAILED</ResourceStatus><ResourceStatusReason>${reason}</ResourceStatusReason>`;
  }

  /** As the CDK would have made it: everything below the construct `App`. */
  #template(): string {
    const { name, outputs, resources, elsewhere = {}, policies = {} } = this.#stack;
    const made = Object.entries(resources).map(([id, [Type]]) => {
      const below = id === 'State' ? 'Tables/State/Resource' : `${id}/Resource`;
      const path = elsewhere[id] ?? `${name}/App/${below}`;
      return [id, { Type, DeletionPolicy: policies[id], Metadata: { 'aws:cdk:path': path } }];
    });
    const told = Object.entries(outputs).map(([key, value]) => {
      const found = Object.entries(resources).find(([, [, physicalId]]) => physicalId === value);
      return [key, { Value: found === undefined ? value : { Ref: found[0] } }];
    });
    return JSON.stringify({
      Resources: Object.fromEntries(made) as object,
      Outputs: Object.fromEntries(told) as object,
    });
  }
}

/** The stack of an emulated app; nothing but its own address leads to its flow, if that is to be told. */
export async function stackOf(
  app: EmulatedApp,
  of: Partial<ScriptedStack> & { readonly hasUrl?: boolean } = {},
): Promise<ScriptedCloudFormation> {
  const { hasUrl = false, resources, ...more } = of;
  const { cluster, tables, hardware, secretsPath, logGroup } = app.deployment;
  const outputs: Partial<Record<StackOutput, string>> = {
    app: app.name,
    cluster,
    service: 'flow',
    stateTable: tables.state,
    deltasTable: tables.deltas,
    logGroup,
    secretsPath,
    ui: 'none',
    ...(hasUrl ? { url: app.url } : {}),
  };
  const groups = Object.values(hardware).flatMap(({ pools }) => pools);
  return await ScriptedCloudFormation.open({
    name: stackNameOf(app.name),
    outputs: Object.fromEntries(
      Object.entries(outputs).map(([key, value]) => [
        outputKeyOf(app.name, key as StackOutput),
        value,
      ]),
    ),
    resources: {
      ...resources,
      State: ['AWS::DynamoDB::Table', tables.state],
      Deltas: ['AWS::DynamoDB::Table', tables.deltas],
      ...Object.fromEntries(
        groups.map(({ autoScalingGroup }, index) => [
          `Group${index}`,
          ['AWS::AutoScaling::AutoScalingGroup', autoScalingGroup] as const,
        ]),
      ),
    },
    ...more,
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function result(action: string, inner: string): string {
  return `<${action}Response xmlns="${NAMESPACE}"><${action}Result>${inner}</${action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></${action}Response>`;
}

function error(message: string): string {
  return `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>ValidationError</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`;
}
