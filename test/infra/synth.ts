/** Stacks for tests: with an app that is really inspected and packed, in a process without credentials. */
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { App, Stack, type StackProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { deploymentSchema, type Deployment } from '../../runtime/backends/aws/contract.ts';
import { StormkiteApp, type StormkiteAppProps } from '../../infra/index.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const COUNTER = join(ROOT, 'examples/counter/app.ts');

type Props = Partial<StormkiteAppProps>;

export interface Synthesised {
  readonly app: App;
  readonly stack: Stack;
  readonly construct: StormkiteApp;
  readonly template: Template;
  /** The first resource of a type whose id has a text in it. */
  resource(type: string, id?: string): { readonly [key: string]: any; readonly Properties: any };
  /** Resources of a type by logical id. */
  all(type: string): Record<string, any>;
}

/** Makes a stack with one app. */
export function synth(
  props: Props | ((stack: Stack) => Props) = {},
  stackProps: StackProps = {},
): Synthesised {
  const app = new App({ outdir: temporary('cdk-out'), analyticsReporting: false });
  const stack = new Stack(app, 'stormkite-test', stackProps);
  const given = typeof props === 'function' ? props(stack) : props;
  const construct = new StormkiteApp(stack, 'App', { entry: COUNTER, ...given });
  const template = Template.fromStack(stack);
  const all = (type: string): Record<string, any> => template.findResources(type);
  return {
    app,
    stack,
    construct,
    template,
    all,
    resource: (type, id = '') => {
      const found = Object.entries(all(type)).find(([key]) => key.includes(id));
      if (found === undefined) throw new Error(`no ${type} with ${id} in its id`);
      return found[1];
    },
  };
}

/** A folder that is removed with this process. */
export function temporary(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `stormkite-${name}-`));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a project with an app file (and more files); gives the path of the app file. */
export function project(source: string, more: Readonly<Record<string, string>> = {}): string {
  const folder = temporary('project');
  const files = { 'package.json': '{"type":"module"}', 'app.ts': source, ...more };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return join(folder, 'app.ts');
}

/** A text of a template as AWS would make it, with references as their logical ids. */
export function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return String(value);
  const [[kind, argument] = ['', undefined]] = Object.entries(value) as [string, any][];
  if (kind === 'Ref') return PSEUDO[argument] ?? argument;
  if (kind === 'Fn::GetAtt') return `${argument[0]}.${argument[1]}`;
  if (kind === 'Fn::Sub')
    return resolved(
      argument.replaceAll(/\$\{(AWS::\w+)\}/g, (_: string, name: string) => PSEUDO[name] ?? name),
    );
  if (kind === 'Fn::Join') return argument[1].map(resolved).join(argument[0]);
  if (kind === 'Fn::Select') return resolved(argument[1][argument[0]]);
  throw new Error(`cannot resolve ${kind}`);
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Region': 'eu-central-1',
  'AWS::AccountId': '123456789012',
  'AWS::Partition': 'aws',
};

/** What the flow's container is told, as it reads it. */
export function deploymentOf({ resource }: Pick<Synthesised, 'resource'>): Deployment {
  const [container] = resource('AWS::ECS::TaskDefinition', 'FlowDefinition').Properties
    .ContainerDefinitions;
  const variable = container.Environment.find(({ Name }: any) => Name === 'STORMKITE_DEPLOYMENT');
  return deploymentSchema.parse(JSON.parse(resolved(variable.Value)));
}

/** Environment of a container, resolved. */
export function environmentOf(container: any): Record<string, string> {
  return Object.fromEntries(
    container.Environment.map(({ Name, Value }: any) => [Name, resolved(Value)]),
  );
}
